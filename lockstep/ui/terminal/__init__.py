"""The guest's console as a terminal: what its bytes look like on a screen. No I/O."""
