"""What libunicorn calls after it has translated a block: stores into its pages must be noticed from now on."""

from __future__ import annotations

from lockstep.machine.access import load_word, store_word
from lockstep.machine.engine.layout import (
    MMU_MODES,
    TLB_DESCRIPTION,
    TLB_DESCRIPTION_BYTES,
    TLB_ENTRY_BITS,
    TLB_ENTRY_WRITE,
    TLB_FAST,
    TLB_FAST_BYTES,
    TLB_NOT_DIRTY,
    TLB_NOT_WRITABLE,
    TLB_VICTIMS,
    TLB_VICTIMS_COUNT,
)
from lockstep.native import callback, inline, int64, void


@inline
def _notice_stores(entry: int, page: int) -> None:
    address = load_word(entry + TLB_ENTRY_WRITE)
    if address & TLB_NOT_WRITABLE == 0 and address & -4096 == page:
        store_word(entry + TLB_ENTRY_WRITE, address | TLB_NOT_DIRTY)


@callback(void(int64, int64, int64))
def code_was_translated(cpu: int, start: int, size_bytes: int) -> None:
    """Stands in for `tlb_reset_dirty_by_vaddr`, which looks at every entry of every soft-TLB.

    `start` is a page's virtual address. An entry for a page is in one place of each table, or among the victims.
    """
    page = start
    while page - start < size_bytes:
        for mode in range(MMU_MODES):
            fast = cpu + TLB_FAST + mode * TLB_FAST_BYTES
            index = (page >> 12) & (load_word(fast) >> TLB_ENTRY_BITS)
            _notice_stores(load_word(fast + 8) + (index << TLB_ENTRY_BITS), page)
            victims = cpu + TLB_DESCRIPTION + mode * TLB_DESCRIPTION_BYTES + TLB_VICTIMS
            for victim in range(TLB_VICTIMS_COUNT):
                _notice_stores(victims + (victim << TLB_ENTRY_BITS), page)
        page += 4096
