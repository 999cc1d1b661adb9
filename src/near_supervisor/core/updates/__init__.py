"""Events become facts: what Consul, the cluster, neard and the chain have said."""
