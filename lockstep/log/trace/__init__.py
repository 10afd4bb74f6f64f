"""The log at rest: how a run's entries, guest and checkpoints are kept in one file. docs/trace.md has the format."""
