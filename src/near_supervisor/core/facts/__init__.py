"""What a supervisor knows, and plain questions about one such fact. Knows nothing of the other rooms."""
