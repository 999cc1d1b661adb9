"""Facts become commands: one rule a function, in the order of ``table``."""
