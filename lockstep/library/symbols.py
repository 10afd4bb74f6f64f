"""Names of addresses, from the symbol tables of the guest's ELF files."""

from __future__ import annotations

import bisect
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from lockstep.machine.loader.elf import MAGIC

_KINDS = {"STT_FUNC", "STT_OBJECT", "STT_NOTYPE"}


class Symbols:
    """Addresses by name, and the name that belongs to an address."""

    def __init__(self, addresses: Mapping[str, int] | None = None) -> None:
        """Of `addresses`, by name."""
        self.addresses = dict(addresses or {})
        by_address = sorted((address, name) for name, address in self.addresses.items())
        self._sorted = [address for address, _ in by_address]
        self._names = [name for _, name in by_address]

    def name_of(self, address: int) -> str | None:
        """`main`, or `main+0x1a` for an address behind it; None where no symbol comes before."""
        index = bisect.bisect_right(self._sorted, address) - 1
        if index < 0:
            return None
        offset = address - self._sorted[index]
        return self._names[index] + (f"+{offset:#x}" if offset else "")


def symbols_of(sources: Iterable[Path | bytes | None]) -> Symbols:
    """The symbols of those of `sources` that are ELF files and have any; the first one of a name counts."""
    addresses: dict[str, int] = {}
    for source in sources:
        if source is not None:
            for name, address in _read(source).items():
                addresses.setdefault(name, address)
    return Symbols(addresses)


def _read(source: Path | bytes) -> dict[str, int]:
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
    except OSError:
        return {}  # gone since the machine was started from it
    if not data.startswith(MAGIC):
        return {}
    try:
        return {
            symbol.name: int(symbol["st_value"])
            for section in _tables(data)
            for symbol in section.iter_symbols()
            if symbol.name and symbol["st_info"]["type"] in _KINDS and symbol["st_shndx"] != "SHN_UNDEF"
        }
    except Exception:  # pyelftools raises what it likes on garbage
        return {}


def _tables(data: bytes) -> Iterable[Any]:
    return [one for one in ELFFile(io.BytesIO(data)).iter_sections() if isinstance(one, SymbolTableSection)]
