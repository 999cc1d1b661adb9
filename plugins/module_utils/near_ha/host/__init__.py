"""What is on a host: neard's home and files, the supervisor's processes, the machine."""
