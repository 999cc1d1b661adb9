"""What a person wants of a cluster, and what it is shown as."""
