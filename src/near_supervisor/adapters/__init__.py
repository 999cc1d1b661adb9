"""The driver's halves: each carries out the commands for one outside thing, and turns its answers into events."""
