"""The machine's state: flat records. Snapshot, digest and clone are the bytes of BOARD, RAM and the harts' registers.

    BOARD ── clock and schedule, devices, harts: deterministic, part of every snapshot and digest
    CONTROL ── what steers one run on this host: deadlines, limits, why it stopped; in no snapshot
    WIRING ── one per hart: the host addresses by which callbacks find all of it; in no snapshot

All counters are int64. *Position* = instructions retired + trap entries + switches between harts.
"""

import numpy as np

from lockstep.machine.devices.clint import CLINT
from lockstep.machine.devices.finisher import FINISHER
from lockstep.machine.devices.plic import PLIC
from lockstep.machine.devices.rtc import RTC
from lockstep.machine.devices.uart import UART
from lockstep.machine.devices.virtio.records import DISK, ENTROPY, NETWORK, VIRTIO
from lockstep.machine.memory_map import DISKS_MAX, HARTS_MAX, VIRTIO_SLOTS

WIRE_BYTES = 1 << 16
"""Console input that arrived and waits for the UART to take it."""

CLOCK_HOST, CLOCK_VIRTUAL = 0, 1

ENTRY_KINDS_MAX = 16

HART = np.dtype(
    [
        ("waiting", np.int64),  # 1 while in wfi
        ("retired", np.int64),  # instructions retired up to its last turn
        ("turn_icount", np.int64),  # the machine's icount when its turn began
        ("cycle_offset", np.int64),  # what guest writes to mcycle and minstret added
        ("instret_offset", np.int64),
        ("supervisor_external", np.int64),  # SEIP as software wrote it (section 3.1.9)
    ],
    align=True,
)

BOARD = np.dtype(
    [
        ("position", np.int64),
        ("traps", np.int64),
        ("switches", np.int64),
        ("time_offset_ns", np.int64),  # guest time - position * 1 ns
        ("clock", np.int64),  # CLOCK_HOST or CLOCK_VIRTUAL
        ("harts_count", np.int64),
        ("current_hart", np.int64),
        ("turn_end", np.int64),  # position; where the current hart's turn is over
        ("quiet_at", np.int64),  # position of the next quiet point
        (
            "turn_positions",
            np.int64,
        ),  # length of a turn, and distance of quiet points: the same for every machine,
        ("quiet_positions", np.int64),  # but tests of small guests want them shorter
        ("rest", np.int64),  # instructions of a natural block still to run after an exact stop
        ("cut_at", np.int64),  # position at which the natural block started that an exact stop cut, or -1
        ("console_bytes", np.int64),  # written by the guest since reset
        ("typed_bytes", np.int64),  # input bytes taken from the file so far
        ("typed_at_ns", np.int64),  # guest time at which the next of them arrives
        ("rtc_epoch_ns", np.int64),  # the RTC at guest time 0
        ("wire_head", np.int64),
        ("wire_tail", np.int64),
        ("uart", UART),
        ("plic", PLIC),
        ("clint", CLINT),
        ("rtc", RTC),
        ("finisher", FINISHER),
        ("virtio_notified", np.int64),  # bit per slot: a queue may have something to serve
        ("virtio_lines", np.int64),  # bit per slot: its interrupt line is high
        ("virtio_served_at", np.int64),  # position at which queues were served last, or -1
        ("virtio_budget", np.int64),  # bytes of work that may still be done there
        ("disk_outputs", np.int64),  # entries of disk output made since reset
        ("frame_outputs", np.int64),  # likewise, frames
        ("virtio", VIRTIO, (VIRTIO_SLOTS,)),
        ("disks", DISK, (DISKS_MAX,)),
        ("network", NETWORK),
        ("entropy", ENTROPY),
        ("harts", HART, (HARTS_MAX,)),
        ("wire", np.uint8, (WIRE_BYTES,)),
    ],
    align=True,
)

# Why a run came back.
RUNNING = 0
REACHED = 1  # the limit on the position, at a natural block start
EXACT = 2  # the exact icount, wherever that is
PARKED = 3  # every hart waits, and under the host's clock
IDLE = 4  # every hart waits, for ever
FINISHED = 5  # the guest wrote to the finisher
KICKED = 6  # somebody asked to be heard
CONSOLE_FULL = 7  # the console buffer must be drained
QUIET = 8  # a quiet point, when one was asked for
FAILED = 9  # libunicorn returned an error that no guest should be able to cause
TURN_OVER = 10  # inside the run loop only
LAGGING = 11  # the secondary is too far behind
OUTPUT_FULL = 12  # an output ring must be consumed first
FLUSHING = 13  # a flush is due that isn't durable yet
UNREADABLE = 14  # a disk can't be read, and the log doesn't say so

NEVER = 1 << 61
"""A position that is never reached."""

CONTROL = np.dtype(
    [
        ("deadline", np.int64),  # position at which the block hook takes its slow path
        ("block", np.int64),  # address of the BLOCK record of the block in flight
        ("kick", np.int64),  # another thread wants the run to come back
        ("stop", np.int64),  # why it came back
        ("error", np.int64),  # libunicorn's error code when FAILED
        ("limit", np.int64),  # position
        ("exact_icount", np.int64),
        ("stop_when_quiet", np.int64),
        ("cutting", np.int64),  # instructions still to run before an exact stop, while a front part runs
        ("requested", np.int64),  # instructions that the next block was asked to have, or 0
        ("after_block", np.int64),  # flags of the block in flight: what to do at the next block start
        ("console_address", np.int64),
        ("console_capacity", np.int64),
        ("console_drained", np.int64),
        ("typed_address", np.int64),  # the input file's bytes
        ("typed_length", np.int64),
        ("ram_address", np.int64),
        ("ram_bytes", np.int64),
        ("pages_address", np.int64),  # int32 for each page of RAM
        ("wirings_address", np.int64),
        ("ring", np.int64),  # the log's ring on which the horizon is published, or 0
        ("publish_at", np.int64),  # position at which that is due again
        ("followed", np.int64),  # the log's ring that allows the machine to run, or 0
        ("followed_limit", np.int64),  # how far it may run, whatever the log allows
        ("lag_check_at", np.int64),  # position from which on a secondary that lags stops the run
        ("interrupts", np.int64),  # counters for the curious
        ("fills", np.int64),
        ("slow_blocks", np.int64),
        ("tape", np.int64),  # a ring that gets a copy of every log entry taken, or 0
        ("shown", np.int64),  # a ring that shows onlookers every log entry taken, or 0
        ("unshown", np.int64),  # how many found no room there
        ("entries", np.int64, (ENTRY_KINDS_MAX,)),  # log entries taken, by kind
        ("entry_bytes", np.int64),  # their payloads
        ("is_live", np.int64),  # 1: it stamps what arrives; 0: it takes what the log says
        ("disk_ring", np.int64),  # where disk output goes, or 0
        ("frame_ring", np.int64),  # likewise, frames
        ("inbound_ring", np.int64),  # where frames come from, or 0
        ("disk_bell", np.int64),  # eventfds that whoever takes output waits for, or -1
        ("frame_bell", np.int64),
        ("bell_word", np.int64),  # address of the int64 1
        ("is_urgent", np.int64),  # somebody waits for what a disk does with that
        ("has_output", np.int64),  # some was made and not yet announced
        ("releases", np.int64),  # 1: what is published on the log is held, and output up to there may leave
        ("no_room", np.int64),  # output was lost for want of room: a bug
        ("code_dropped", np.int64),  # DMA went into translated code
        (
            "unreadable",
            np.int64,
        ),  # 1 + the disk whose next request can't be read, which the log doesn't say; or 0
        ("views_address", np.int64),  # VIEW of each disk
        ("scratch_address", np.int64),  # room for one frame
        ("chain_address", np.int64),  # CHAIN
        ("libc_pread", np.int64),
        ("libc_write", np.int64),
        ("libc_memmove", np.int64),
        ("libc_memset", np.int64),
        ("libc_madvise", np.int64),
        ("disks_count", np.int64),
        ("forgets", np.int64),  # 1: what the disks' files have needs no memory here
        ("breakpoints_address", np.int64),  # int64 for each
        ("breakpoints_count", np.int64),  # blocks that hold one of these take the slow path
        ("breakpoints_active", np.int64),  # and at so many of them, the first ones, the run stops
        ("breakpoint_position", np.int64),  # but nowhere before this one
    ],
    align=True,
)

WIRING = np.dtype(
    [
        ("board", np.int64),
        ("control", np.int64),
        ("hart", np.int64),  # its number
        ("engine", np.int64),  # uc_engine *
        ("cpu", np.int64),  # CPUState *
        ("env", np.int64),  # CPURISCVState *
        ("hook", np.int64),  # struct hook * of the block hook
        ("blocks_first", np.int64),  # arena of BLOCK records
        ("blocks_next", np.int64),
        ("blocks_end", np.int64),
        ("translations_address", np.int64),  # TRANSLATION slots
        ("translations_generation", np.int64),
        ("translations_used", np.int64),
        ("flushes_seen", np.int64),  # libunicorn's count of soft-TLB flushes, as last looked at
        # Functions of libunicorn.
        ("emu_start", np.int64),
        ("emu_stop", np.int64),
        ("loop_exit", np.int64),
        ("raise_exception", np.int64),
        ("tlb_set_page", np.int64),
        ("tlb_flush", np.int64),
        ("tlb_flush_page", np.int64),
        ("tb_flush", np.int64),
        ("invalidate_range", np.int64),
        ("pmpcfg_write", np.int64),
        ("pmpaddr_write", np.int64),
        ("mstatus_write", np.int64),
    ],
    align=True,
)

# What a page of RAM is used for: bits of an int32 per page. The low byte: harts that hold translated code of it; the
# next: harts whose soft-TLB may allow plain stores to it.
PAGE_DATA_SHIFT = 8
PAGE_CODE_MASK, PAGE_DATA_MASK = 0xFF, 0xFF00
PAGE_BOTH = 1 << 16  # used as code and as data through one mapping: stores are checked one by one

TRANSLATIONS_BITS = 15
TRANSLATION = np.dtype(
    [("tag", np.int64), ("generation", np.int64), ("page", np.int64), ("allowed", np.int64)], align=True
)
