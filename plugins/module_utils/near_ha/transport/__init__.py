"""How a cluster is reached: one bounded exchange, and the ways through a supervisor or past it."""
