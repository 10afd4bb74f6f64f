"""What is plugged into the virtio slots of a machine, as it is after power-on."""

from __future__ import annotations

from typing import Any

from lockstep.machine.config import SECTOR_BYTES, MachineConfig
from lockstep.machine.devices.virtio import constants
from lockstep.machine.memory_map import ENTROPY_SLOT, NETWORK_SLOT

MAC_ADDRESS = bytes.fromhex("525400123456")
MTU_BYTES = 65_520

_ANY = constants.VERSION_1 | constants.INDIRECT_DESCRIPTORS
_ANY_DISK = (
    _ANY
    | constants.DISK_SIZE_MAX
    | constants.DISK_SEGMENTS_MAX
    | constants.DISK_BLOCK_SIZE
    | constants.DISK_TOPOLOGY
    | constants.DISK_FLUSH
)
_NETWORK = (
    _ANY
    | constants.NETWORK_MAC
    | constants.NETWORK_MTU
    | constants.NETWORK_STATUS
    | constants.NETWORK_MERGEABLE_BUFFERS
)
_KEY_VIRTUAL = b"lockstep: the virtual clock's key"[:32]


def plug_in(board: Any, config: MachineConfig) -> None:
    """Put the devices of `config` into the slots of `board`, whose virtio fields are all 0."""
    board["virtio_served_at"] = -1
    for slot, disk in enumerate(config.disks):
        kind = (
            constants.DISK_READ_ONLY
            if disk.read_only
            else constants.DISK_DISCARD | constants.DISK_WRITE_ZEROES
        )
        _plug(board, slot, constants.DISK_DEVICE, _ANY_DISK | kind, queues=1)
        board["disks"][slot]["sectors"] = disk.size_bytes // SECTOR_BYTES
        board["disks"][slot]["read_only"] = disk.read_only
    if config.has_network:
        _plug(board, NETWORK_SLOT, constants.NETWORK_DEVICE, _NETWORK, queues=2)
        board["network"]["mac"] = int.from_bytes(MAC_ADDRESS, "little")
        board["network"]["mtu"] = MTU_BYTES
    _plug(board, ENTROPY_SLOT, constants.ENTROPY_DEVICE, _ANY, queues=1)
    if config.clock == "virtual":
        # Such a run is a pure function of the guest; so are its random numbers.
        board["entropy"]["is_keyed"] = 1
        for word in range(8):
            board["entropy"]["key"][word] = int.from_bytes(_KEY_VIRTUAL[4 * word : 4 * word + 4], "little")


def slots_in_use(config: MachineConfig) -> tuple[int, ...]:
    """The slots that hold something."""
    network = (NETWORK_SLOT,) if config.has_network else ()
    return (*range(len(config.disks)), *network, ENTROPY_SLOT)


def _plug(board: Any, slot: int, device_id: int, features: int, *, queues: int) -> None:
    device = board["virtio"][slot]
    device["device_id"], device["features_offered"], device["queues_count"] = device_id, features, queues
