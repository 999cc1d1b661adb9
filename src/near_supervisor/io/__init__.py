"""The drivers: one file for each thing outside (Consul, neard, the guard, clocks, files)."""
