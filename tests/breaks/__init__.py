"""Deliberate breaks of the safety rules, and the command that shows that each one is noticed."""
