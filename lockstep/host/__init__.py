"""One host: a process that runs one machine and can die alone."""
