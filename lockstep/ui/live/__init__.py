"""The live view as a process of its own, which owns the terminal, and the run's end of the line to it."""
