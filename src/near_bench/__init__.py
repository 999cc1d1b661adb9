"""Benchmarks: how long nobody signs after each kind of failure, and what an idle supervisor costs."""
