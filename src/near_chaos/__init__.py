"""A soak of the localnet: faults at random, one after the other and two at a time, judged by the log of signatures."""
