"""For scripts: a machine to hold still and look into, a protected pair, a recorded run. docs/library.md shows them."""
