"""A simulated ``neard``: one process per node, for the localnet, tests and demos. Never for a real network."""
