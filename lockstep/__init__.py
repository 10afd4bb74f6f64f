"""lockstep: a guest machine that survives the death of its host."""

__version__ = "0.1.0"
