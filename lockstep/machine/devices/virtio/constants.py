"""Numbers of the virtio specification that several parts need (version 1.2; sections in brackets)."""

NETWORK_DEVICE, DISK_DEVICE, ENTROPY_DEVICE = 1, 2, 4
"""Device IDs (5)."""

ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, NEEDS_RESET, FAILED = 1, 2, 4, 8, 64, 128
"""Device status (2.1)."""

USED_BUFFER, CONFIG_CHANGE = 1, 2
"""Bits of InterruptStatus (4.2.2)."""

INDIRECT_DESCRIPTORS, VERSION_1 = 1 << 28, 1 << 32
"""Features of any device (6)."""

DISK_SIZE_MAX, DISK_SEGMENTS_MAX, DISK_READ_ONLY, DISK_BLOCK_SIZE = 1 << 1, 1 << 2, 1 << 5, 1 << 6
DISK_FLUSH, DISK_TOPOLOGY, DISK_DISCARD, DISK_WRITE_ZEROES = 1 << 9, 1 << 10, 1 << 13, 1 << 14
"""Features of disks (5.2.3)."""

NETWORK_MTU, NETWORK_MAC, NETWORK_MERGEABLE_BUFFERS, NETWORK_STATUS = 1 << 3, 1 << 5, 1 << 15, 1 << 16
"""Features of networks (5.1.3)."""
