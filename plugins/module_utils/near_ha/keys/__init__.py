"""NEAR's keys and their files."""
