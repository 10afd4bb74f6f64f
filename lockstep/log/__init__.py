"""The log: entry layout, ring, channel."""
