"""A writer of flattened device trees (DTB, version 17).

Source: Devicetree Specification 0.4, chapter 5. All numbers in the blob are big-endian.
"""

from __future__ import annotations

import struct

MAGIC = 0xD00DFEED
VERSION, LAST_COMPATIBLE_VERSION = 17, 16
BEGIN_NODE, END_NODE, PROPERTY, END = 1, 2, 3, 9
HEADER_BYTES = 40
RESERVE_ENTRY_BYTES = 16
"""One entry of the memory reservation block; one of zeros ends it."""


class FlattenedTree:
    """A device tree being written, node by node, in order. Same calls, same bytes."""

    def __init__(self) -> None:
        """An empty tree: open the root with `begin_node("")`."""
        self._structure = bytearray()
        self._strings = bytearray()
        self._string_offsets: dict[str, int] = {}
        self._depth = 0

    def begin_node(self, name: str) -> None:
        """Open node `name` within the open one. Properties come before child nodes."""
        self._cell(BEGIN_NODE)
        self._structure += name.encode("ascii") + b"\0"
        self._align()
        self._depth += 1

    def end_node(self) -> None:
        """Close the open node."""
        self._depth -= 1
        self._cell(END_NODE)

    def property(self, name: str, value: bytes = b"") -> None:
        """A property of raw bytes; an empty one is a flag."""
        self._cell(PROPERTY)
        self._structure += struct.pack(">II", len(value), self._string_offset(name)) + value
        self._align()

    def cells(self, name: str, *values: int) -> None:
        """A property of 32-bit numbers."""
        self.property(name, struct.pack(f">{len(values)}I", *values))

    def longs(self, name: str, *values: int) -> None:
        """A property of 64-bit numbers, as addresses and sizes are where both take two cells."""
        self.property(name, struct.pack(f">{len(values)}Q", *values))

    def strings(self, name: str, *values: str) -> None:
        """A property of one or more strings. What the user's locale couldn't decode keeps its bytes."""
        self.property(name, b"".join(value.encode("utf-8", "surrogateescape") + b"\0" for value in values))

    def blob(self) -> bytes:
        """The finished tree. Every node must be closed."""
        if self._depth:
            raise ValueError(f"{self._depth} nodes are still open")
        structure = bytes(self._structure) + struct.pack(">I", END)
        structure_offset = HEADER_BYTES + RESERVE_ENTRY_BYTES
        strings_offset = structure_offset + len(structure)
        header = struct.pack(
            ">10I",
            MAGIC,
            strings_offset + len(self._strings),
            structure_offset,
            strings_offset,
            HEADER_BYTES,
            VERSION,
            LAST_COMPATIBLE_VERSION,
            0,  # the boot hart
            len(self._strings),
            len(structure),
        )
        return header + bytes(RESERVE_ENTRY_BYTES) + structure + bytes(self._strings)

    def _cell(self, value: int) -> None:
        self._structure += struct.pack(">I", value)

    def _align(self) -> None:
        self._structure += bytes(-len(self._structure) % 4)

    def _string_offset(self, name: str) -> int:
        if name not in self._string_offsets:
            self._string_offsets[name] = len(self._strings)
            self._strings += name.encode("ascii") + b"\0"
        return self._string_offsets[name]
