"""The whole failover system on one machine: Consul, a small chain, and a pair of supervised validators."""
