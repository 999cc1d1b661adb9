"""The decisions: functions of (facts, event, now). No socket, clock, thread, file or process in here.

Times are whole milliseconds on CLOCK_BOOTTIME of this host, and always arguments.
"""
