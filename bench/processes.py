"""What the kernel says about processes of a run: who they are, and their memory. Source: proc(5)."""

from __future__ import annotations

import dataclasses
import os
import re
from array import array
from pathlib import Path

from bench.results import MeasurementError

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PRESENT = 1 << 63
_ZERO_PAGE = bytes(PAGE_BYTES)
_SERVER = b"\0lockstep.host\0"


@dataclasses.dataclass(frozen=True)
class GuestMemory:
    """How much of a guest's RAM is in use."""

    resident_bytes: int
    """Pages that exist, huge ones as a whole."""
    touched_bytes: int
    """4 KiB pages of them that aren't all zero: at most what the guest has touched."""


def children(pid: int) -> list[int]:
    """Child processes of all threads of `pid`, oldest first."""
    return [
        int(child)
        for listing in sorted(Path(f"/proc/{pid}/task").glob("*/children"))
        for child in listing.read_text().split()
    ]


def hosts_of(monitor: int) -> list[int]:
    """The two hosts of a pair, primary first: in a pair that lost nobody it was forked first."""
    servers = [pid for pid in children(monitor) if _SERVER in Path(f"/proc/{pid}/cmdline").read_bytes()]
    hosts = [host for server in servers for host in children(server)]
    if len(servers) != 1 or len(hosts) != 2:
        raise MeasurementError(f"a pair has one fork server and two hosts, not {servers} and {hosts}")
    return hosts


def family(pid: int) -> list[int]:
    """`pid` and all its descendants."""
    return [pid, *(member for child in children(pid) for member in family(child))]


def rollup_bytes(pid: int, field: str) -> int:
    """`Pss` or `Rss` of smaps_rollup, in bytes."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB$", text, re.MULTILINE)
    if found is None:
        raise MeasurementError(f"the kernel doesn't say {field} of process {pid}")
    return int(found[1]) << 10


def guest_memory(pid: int, memory_bytes: int) -> GuestMemory:
    """Of the machine in process `pid`, whose RAM has a size that no other mapping has."""
    start = _mapping(pid, memory_bytes)
    pages = array("Q")
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        pages.frombytes(os.pread(pagemap.fileno(), memory_bytes // PAGE_BYTES * 8, start // PAGE_BYTES * 8))
    if len(pages) != memory_bytes // PAGE_BYTES:
        raise MeasurementError(f"the page map of process {pid} can't be read")
    present = [index for index, page in enumerate(pages) if page & _PRESENT]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        # Only pages that are there are read: reading another one would make it.
        touched = sum(
            os.pread(memory.fileno(), PAGE_BYTES, start + index * PAGE_BYTES) != _ZERO_PAGE
            for index in present
        )
    return GuestMemory(len(present) * PAGE_BYTES, touched * PAGE_BYTES)


def _mapping(pid: int, size_bytes: int) -> int:
    starts = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        addresses, permissions, _, _, inode, *_ = line.split()
        start, end = (int(address, 16) for address in addresses.split("-"))
        if end - start == size_bytes and permissions == "rw-p" and inode == "0":
            starts.append(start)
    if len(starts) != 1:
        raise MeasurementError(
            f"process {pid} has {len(starts)} mappings of {size_bytes} bytes; 1 is the RAM"
        )
    return starts[0]
