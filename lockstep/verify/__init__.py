"""Two machines run side by side and are compared; where they differ, the first instruction is found.

subject     one machine: runs live or from entries, to exact places, with soft errors
side        a process with a subject; forked copies of it are its checkpoints
locate      bisection between two sides
portrait    all of a machine, and where two of them differ
pair        the run that is compared stretch by stretch
campaign    many soft errors, what became of each, and the table
"""
