"""The values in Consul's store: what each says, and what is checked before it is believed."""
