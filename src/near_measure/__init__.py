"""What measures a localnet, and writes down what was measured: for the benchmarks, for chaos, for the tests."""
