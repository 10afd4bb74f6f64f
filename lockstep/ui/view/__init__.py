"""What the live view shows: pure functions from a pair's status and its console's screen to lines. No I/O."""
