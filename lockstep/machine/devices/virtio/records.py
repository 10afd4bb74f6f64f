"""The virtio devices' state: what a driver set up, what is under way, and what the devices behind it are."""

from __future__ import annotations

import numpy as np

QUEUES_MAX = 2
QUEUE_ENTRIES_MAX = 256
"""Also the most descriptors that a chain may have, wherever they are."""
FLUSHES_MAX = 64
"""Requests to a disk that may wait for the sink at a time; its queue isn't served further until some are done."""

VIRTQUEUE = np.dtype(
    [
        ("size", np.int64),
        ("ready", np.int64),
        ("descriptors", np.int64),  # guest physical addresses
        ("available", np.int64),
        ("used", np.int64),
        ("available_index", np.int64),  # of the next chain to serve, modulo 2**16
        ("used_index", np.int64),  # of the next element to write, likewise
    ],
    align=True,
)

VIRTIO = np.dtype(
    [
        ("device_id", np.int64),  # 0: nothing is in this slot
        ("status", np.int64),
        ("interrupt_status", np.int64),
        ("features_offered", np.int64),  # 64 bits
        ("features_accepted", np.int64),
        ("device_features_select", np.int64),
        ("driver_features_select", np.int64),
        ("queue_select", np.int64),
        ("queues_count", np.int64),
        ("config_generation", np.int64),
        ("queues", VIRTQUEUE, (QUEUES_MAX,)),
    ],
    align=True,
)

DISK = np.dtype(
    [
        ("sectors", np.int64),  # capacity, in units of 512 bytes
        ("read_only", np.int64),
        ("requests", np.int64),  # served since reset
        ("failed", np.int64),  # 1: the world can't take writes any more
        (
            "unreadable_request",
            np.int64,
        ),  # number + 1 of the request that can't be read, as the log says, or 0
        ("content", np.int64),  # digest of all that was written since reset, in order
        ("flushes_first", np.int64),  # requests that wait until they are durable: a ring of FLUSHES_MAX
        ("flushes_count", np.int64),
        ("flush_heads", np.int64, (FLUSHES_MAX,)),  # the chain's first descriptor
        ("flush_statuses", np.int64, (FLUSHES_MAX,)),  # guest physical address of the request's status byte
        ("flush_numbers", np.int64, (FLUSHES_MAX,)),  # number of its FLUSH in the disks' output
        ("flush_due_ns", np.int64, (FLUSHES_MAX,)),  # virtual clock: guest time of its completion
    ],
    align=True,
)

NETWORK = np.dtype(
    [
        ("mac", np.int64),  # 48 bits, the first byte lowest
        ("mtu", np.int64),
        ("frames_in", np.int64),  # taken from the log since reset
    ],
    align=True,
)

ENTROPY = np.dtype(
    [
        ("is_keyed", np.int64),
        ("key", np.int64, (8,)),  # 32 bits each
    ],
    align=True,
)

SEGMENT = np.dtype([("address", np.int64), ("length", np.int64)], align=True)
"""A part of a chain's buffers, all of it in RAM, by host address."""

STAGING_BYTES = 1 << 17
"""Room to put in one piece what is scattered over a chain: a header, a frame."""

CHAIN = np.dtype(
    [
        ("head", np.int64),  # its first descriptor
        ("segments_count", np.int64),
        ("readable_count", np.int64),  # the first ones are for the device to read, the rest for it to write
        ("readable_bytes", np.int64),
        ("writable_bytes", np.int64),
        ("table_address", np.int64),  # host address of its indirect table, or 0
        ("table_bytes", np.int64),
        ("segments", SEGMENT, (QUEUE_ENTRIES_MAX,)),
        ("staging", np.uint8, (STAGING_BYTES,)),
    ],
    align=True,
)
"""The chain that is looked at: scratch memory of this host, no part of the machine's state."""
