"""Virtio devices on the memory-mapped transport (virtio 1.2, sections 4.2, 5.1, 5.2 and 5.4)."""
