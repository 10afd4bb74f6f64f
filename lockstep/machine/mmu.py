"""The machine's own memory management unit, behind libunicorn's soft-TLB.

What a translation *is* stands in each hart's table of translations: it holds every page touched since the last
architectural flush (sfence.vma, a change of satp or mstatus, a quiet point) and evicts none. An sfence.vma for one
address takes only that page out, unless a superpage is known that may hold it. libunicorn's soft-TLB
only caches it. So what a guest sees of its translations, stale ones and accessed and dirty bits included, is a
function of the guest; not of how large the soft-TLB is, what it evicts, which blocks are chained, or how long this
process has run. A table that is full is flushed: the set of pages touched is a function of the guest as well.

It also keeps translated code coherent, within and across harts, so that no stale block can ever run: a page is
writable without checks in no hart's soft-TLB while any hart holds translated code of it (see `_use_for_data` and
`use_for_code`).
"""

from __future__ import annotations

from lockstep.machine.access import (
    Control,
    Env,
    Wiring,
    control_of,
    env_of,
    load_flags,
    load_word,
    store_flags,
    translation_at,
    wiring_at,
    wiring_of_hart,
)
from lockstep.machine.engine.layout import CPU_ENV, CPU_TLB, ENV_WIRING
from lockstep.machine.memory_map import (
    CLINT_BASE,
    CLINT_SIZE,
    FINISHER_BASE,
    PLIC_BASE,
    PLIC_SIZE,
    RAM_BASE,
    RTC_BASE,
    UART_BASE,
    VIRTIO_BASE,
    VIRTIO_SIZE,
    VIRTIO_SLOTS,
)
from lockstep.machine.riscv.bits import (
    FETCH_ACCESS_FAULT,
    FETCH_PAGE_FAULT,
    LOAD_ACCESS_FAULT,
    LOAD_PAGE_FAULT,
    MSTATUS_MXR,
    PTE_D,
    PTE_R,
    PTE_W,
    PTE_X,
)
from lockstep.machine.riscv.decode import AFTER_LOOKUP
from lockstep.machine.riscv.translate import (
    ACCESS_FAULT,
    FETCH,
    LEAF_LEVEL_SHIFT,
    LOAD,
    STORE,
    data_privilege,
    pmp_allows,
    walk,
)
from lockstep.machine.state import (
    PAGE_BOTH,
    PAGE_CODE_MASK,
    PAGE_DATA_MASK,
    PAGE_DATA_SHIFT,
    TRANSLATIONS_BITS,
)
from lockstep.native import boolean, callback, inline, int32, int64, nopython
from lockstep.native_calls import call_void

READ, WRITE, EXECUTE = 1, 2, 4
"""As in libunicorn's PAGE_READ, PAGE_WRITE, PAGE_EXEC."""
CHECKED = 8
"""PMP covers a part of the page only: every access is checked by itself."""

_PAGE_MASK = -4096
_SLOTS = 1 << TRANSLATIONS_BITS
_SLOTS_USED_MAX = _SLOTS // 2
_HASH = 0x9E3779B97F4A7C15 - (1 << 64)


@inline
def count_flushes(wiring: Wiring) -> int:
    """How many soft-TLB flushes libunicorn has counted: full ones, partial ones and those with nothing to do."""
    counters = wiring.cpu + CPU_TLB + 8
    return load_word(counters) + load_word(counters + 8) + load_word(counters + 16)


@nopython
def flush_translations(wiring: Wiring) -> None:
    """An architectural flush: forget every translation of this hart."""
    wiring.translations_generation += 1
    wiring.translations_used = 0
    call_void(wiring.tlb_flush, (wiring.cpu,))
    wiring.flushes_seen = count_flushes(wiring)


@nopython
def flush_cache(wiring: Wiring) -> None:
    """Empty libunicorn's soft-TLB only: the hart's translations stay as they are."""
    notice_flushes(wiring)
    call_void(wiring.tlb_flush, (wiring.cpu,))
    wiring.flushes_seen = count_flushes(wiring)


@inline
def notice_flushes(wiring: Wiring) -> None:
    """If libunicorn has flushed its soft-TLB since somebody last looked: that was an architectural flush."""
    flushes = count_flushes(wiring)
    if flushes != wiring.flushes_seen:
        wiring.flushes_seen = flushes
        wiring.translations_generation += 1
        wiring.translations_used = 0


@inline
def is_device(page: int) -> bool:
    """Whether the board has a device in the physical page at `page`."""
    return (
        page == UART_BASE
        or CLINT_BASE <= page < CLINT_BASE + CLINT_SIZE
        or PLIC_BASE <= page < PLIC_BASE + PLIC_SIZE
        or page == RTC_BASE
        or page == FINISHER_BASE
        or VIRTIO_BASE <= page < VIRTIO_BASE + VIRTIO_SIZE * VIRTIO_SLOTS
    )


@nopython
def _permissions(control: Control, env: Env, page: int, pte: int, privilege: int, fetch: bool) -> int:
    """What may be done with physical `page`, as translated by leaf `pte`: READ | WRITE | EXECUTE | CHECKED."""
    in_ram = 0 <= page - RAM_BASE < control.ram_bytes
    if not in_ram and not is_device(page):
        return 0
    if pte == 0:
        allowed = READ | WRITE | EXECUTE
    else:
        readable = pte & PTE_R != 0 or (env.mstatus & MSTATUS_MXR != 0 and pte & PTE_X != 0)
        allowed = READ if readable else 0
        if pte & PTE_W and pte & PTE_D:
            allowed |= WRITE
        if pte & PTE_X:
            allowed |= EXECUTE
    # What data accesses need is no leave to fetch: privilege differs with MPRV, rights with SUM, and a fetch that
    # the soft-TLB let pass would be missing from the table.
    allowed &= EXECUTE if fetch else READ | WRITE
    if not in_ram:
        allowed &= ~EXECUTE
    for access in range(3):
        bit = READ << access
        if allowed & bit:
            verdict = pmp_allows(env, page, page + 4095, privilege, access)
            if verdict == 0:
                allowed &= ~bit
            elif verdict < 0:
                allowed |= CHECKED
    return allowed


@inline
def _slot_of(wiring: Wiring, tag: int) -> int:
    """The slot that holds `tag`, or the free one where it belongs."""
    slot = ((tag * _HASH) >> (64 - TRANSLATIONS_BITS)) & (_SLOTS - 1)
    while True:
        entry = translation_at(wiring, slot)
        if entry.generation != wiring.translations_generation or entry.tag == tag:
            return slot
        slot = (slot + 1) & (_SLOTS - 1)


@nopython
def _raise_fault(wiring: Wiring, address: int, access: int, fault: int, return_address: int) -> None:
    """Leave the running block by a page fault or an access fault; does not return."""
    if fault == ACCESS_FAULT:
        cause = FETCH_ACCESS_FAULT if access == FETCH else LOAD_ACCESS_FAULT + 2 * access
    else:
        cause = FETCH_PAGE_FAULT if access == FETCH else LOAD_PAGE_FAULT + 2 * access
    env_of(wiring).badaddr = address
    call_void(wiring.raise_exception, (wiring.env, cause, return_address))


@nopython
def invalidate_page(control: Control, page_number: int, harts: int) -> None:
    """Drop the code that `harts` (a bit mask) have translated from page `page_number` of RAM."""
    hart = 0
    while harts >> hart:
        if (harts >> hart) & 1:
            other = wiring_of_hart(control, hart)
            first = page_number << 12
            call_void(other.invalidate_range, (other.engine, first, first + 4096))
        hart += 1
    flags = control.pages_address + 4 * page_number
    store_flags(flags, load_flags(flags) & ~harts)


@nopython
def _use_for_data(wiring: Wiring, control: Control, page_number: int, executable: bool) -> bool:
    """Before plain stores to a page are allowed: no code translated from it may survive them unseen.

    Returns whether the mapping has to stay executable: libunicorn checks stores through such a mapping one by one.
    """
    address = control.pages_address + 4 * page_number
    flags = load_flags(address)
    own = 1 << wiring.hart
    others = flags & PAGE_CODE_MASK & ~own
    if others:
        invalidate_page(control, page_number, others)
    both = flags & PAGE_BOTH != 0 and executable
    if flags & own:
        if executable:
            both = True
        else:
            invalidate_page(control, page_number, own)
    flags = load_flags(address) | own << PAGE_DATA_SHIFT
    if both:
        flags |= PAGE_BOTH
    store_flags(address, flags)
    return both


@nopython
def use_for_code(wiring: Wiring, control: Control, page_number: int) -> None:
    """After code of a page has been translated: no hart may store to it any more without being noticed."""
    address = control.pages_address + 4 * page_number
    flags = load_flags(address)
    own = 1 << wiring.hart
    if flags & own:
        return
    writers = (flags & PAGE_DATA_MASK) >> PAGE_DATA_SHIFT
    hart = 0
    while writers >> hart:
        if (writers >> hart) & 1:
            flush_cache(wiring_of_hart(control, hart))
        hart += 1
    store_flags(address, (flags | own) & ~PAGE_DATA_MASK)


@nopython
def fill(
    wiring: Wiring, address: int, size: int, access: int, mmu_index: int, probe: int, return_address: int
) -> int:
    """Give libunicorn's soft-TLB the entry for `address`, or raise the fault; 1 if filled, 0 if a probe failed."""
    control = control_of(wiring)
    env = env_of(wiring)
    control.fills += 1
    notice_flushes(wiring)
    fetch = access == FETCH
    privilege = env.priv if fetch else data_privilege(env)
    tag = (address & _PAGE_MASK) | mmu_index << 1 | (1 if fetch else 0)
    slot = _slot_of(wiring, tag)
    entry = translation_at(wiring, slot)
    needed = READ << access
    known = entry.generation == wiring.translations_generation
    if not known or entry.allowed & needed == 0:
        physical, pte = walk(control, env, address, privilege, access, True)
        fault = physical if physical < 0 else 0
        allowed = 0
        if fault == 0:
            allowed = _permissions(control, env, physical & _PAGE_MASK, pte, privilege, fetch)
            if allowed & needed == 0:
                fault = ACCESS_FAULT
        if fault:
            if probe == 0:
                _raise_fault(wiring, address, access, fault, return_address)
            return 0
        if not known:
            if wiring.translations_used >= _SLOTS_USED_MAX:
                flush_translations(wiring)
                # As after sfence.vma: the block that follows is fetched anew, chained to this one or not.
                control.after_block |= AFTER_LOOKUP
                control.deadline = 0
                slot = _slot_of(wiring, tag)
                entry = translation_at(wiring, slot)
            wiring.translations_used += 1
        entry.tag = tag
        entry.generation = wiring.translations_generation
        entry.page = physical & _PAGE_MASK
        entry.allowed = allowed
        level = pte >> LEAF_LEVEL_SHIFT
        if level:
            _remember_superpage(wiring, address, level)
    page, allowed = entry.page, entry.allowed
    if allowed & CHECKED:
        first = page | (address & 4095)
        if pmp_allows(env, first, first + max(size, 1) - 1, privilege, access) != 1:
            if probe == 0:
                _raise_fault(wiring, address, access, ACCESS_FAULT, return_address)
            return 0
    other = 0 if allowed & CHECKED else _known_rights(wiring, tag ^ 1, page)
    grant, span = _grant(wiring, control, page, allowed, other, access)
    call_void(wiring.tlb_set_page, (wiring.cpu, address & _PAGE_MASK, page, grant, mmu_index, span))
    return 1


@inline
def _superpage_tag(address: int, level: int) -> int:
    """The tag in the table that says that part of a superpage of `level` around `address` is known."""
    return (address & -(1 << (12 + 9 * level))) | 4 << level


@nopython
def _remember_superpage(wiring: Wiring, address: int, level: int) -> None:
    tag = _superpage_tag(address, level)
    entry = translation_at(wiring, _slot_of(wiring, tag))
    if entry.generation != wiring.translations_generation:
        entry.tag, entry.generation, entry.page, entry.allowed = tag, wiring.translations_generation, 0, 0
        wiring.translations_used += 1


@nopython
def forget_address(wiring: Wiring, address: int) -> None:
    """An architectural flush of the leaf page that holds virtual `address` (sfence.vma, section 4.2.1)."""
    notice_flushes(wiring)
    generation = wiring.translations_generation
    for level in range(1, 5):
        if translation_at(wiring, _slot_of(wiring, _superpage_tag(address, level))).generation == generation:
            flush_translations(wiring)
            return
    for kind in range(8):  # four privileges, of data and of code
        entry = translation_at(wiring, _slot_of(wiring, (address & _PAGE_MASK) | kind))
        if entry.generation == generation:
            entry.allowed = 0
    call_void(wiring.tlb_flush_page, (wiring.cpu, address & _PAGE_MASK))
    wiring.flushes_seen = count_flushes(wiring)


@nopython
def _known_rights(wiring: Wiring, tag: int, page: int) -> int:
    """What the table knows to be allowed by the translation `tag`, if it leads to `page` and isn't CHECKED."""
    entry = translation_at(wiring, _slot_of(wiring, tag))
    if entry.generation != wiring.translations_generation or entry.page != page or entry.allowed & CHECKED:
        return 0
    return int(entry.allowed)


@nopython
def _grant(
    wiring: Wiring, control: Control, page: int, allowed: int, other: int, access: int
) -> tuple[int, int]:
    """What the soft-TLB gets to know now, and for how many bytes (1: ask again at every access).

    `allowed` is of the kind of access that was asked for, `other` of the other kind (fetch or data). libunicorn keeps
    one entry for both: without `other`, code and data in one page would evict each other.
    """
    span = 1 if allowed & CHECKED else 4096
    allowed &= READ | WRITE | EXECUTE
    number = (page - RAM_BASE) >> 12
    if not 0 <= page - RAM_BASE < control.ram_bytes:
        return allowed, span
    flags = load_flags(control.pages_address + 4 * number)
    if access == STORE or (access == LOAD and allowed & WRITE and flags & PAGE_CODE_MASK == 0):
        both = _use_for_data(wiring, control, number, other & EXECUTE != 0)
        return (allowed | EXECUTE if both else allowed), span
    return (allowed | other) & ~WRITE, span


@callback(boolean(int64, int64, int32, int32, int32, boolean, int64))
def tlb_fill(
    cpu: int, address: int, size: int, access: int, mmu_index: int, probe: bool, return_address: int
) -> bool:
    """Stands in for QEMU's `riscv_cpu_tlb_fill` (CPUClass.tlb_fill)."""
    wiring = wiring_at(load_word(cpu + CPU_ENV + ENV_WIRING))
    return fill(wiring, address, size, access, mmu_index, 1 if probe else 0, return_address) != 0
