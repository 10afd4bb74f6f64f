"""A seeded world on virtual time: the protocol's own decisions, with simulated hosts, channels and faults."""
