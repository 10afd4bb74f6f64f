"""Memory beyond the RAM that the guest has touched: one machine, more harts, a pair.

PSS as the kernel counts it: a page that several processes map counts in shares. So other programs that happen to
map the same libraries make it smaller; RSS, which counts all pages in full, is shown beside it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time

from bench.commands import running
from bench.guests import LINUX_COMMAND, linux_files
from bench.processes import family, guest_memory, hosts_of, rollup_bytes
from bench.results import CaseResult, MeasurementError, ToolMissingError
from bench.settings import Settings

MIB = 1 << 20
MEMORY_MIB = {"compute": 192, "linux": 256}
APPEND = {"compute": "rounds=1000", "linux": LINUX_COMMAND}
UNTIL = {"compute": b"round 0 quicksort", "linux": b"OpenSBI"}
EVERY_S = 0.2


def measure(result: CaseResult, settings: Settings) -> None:
    """compute, and Linux if it was fetched, at its largest while it runs."""
    result.note(
        "touched: 4 KiB pages of guest RAM that aren't all zero (pagemap, then their content), seen with the "
        "process stopped; pages that the guest only zeroed and the rest of huge pages count against us"
    )
    guests = ["compute", "linux"]
    try:
        linux_files()
    except ToolMissingError as missing:
        result.skip(f"memory of Linux: {missing}")
        guests.remove("linux")
    for guest in guests[: 1 if settings.is_smoke else None]:
        one_mib = _solo(result, settings, guest, 1)
        result.judge("memory.machine", one_mib, guest)
        harts_counts = (2,) if settings.is_smoke else (2, 4)
        result.work(guest, harts_counts)
        for harts in harts_counts:
            each_mib = (_solo(result, settings, guest, harts) - one_mib) / (harts - 1)
            result.judge("memory.hart", each_mib, f"{guest}, {harts} harts")
    _pair(result, settings)


def _solo(result: CaseResult, settings: Settings, guest: str, harts: int) -> float:
    """MiB of PSS beyond touched RAM, the most of what was seen."""
    memory_bytes = MEMORY_MIB[guest] * MIB
    arguments = (guest, "--solo", "--clock", "virtual", "--memory", f"{MEMORY_MIB[guest]}M")
    beyond_mib, rows = [], []
    options = ("--harts", str(harts), "--append", APPEND[guest])
    with running(*arguments, *options, until=UNTIL[guest]) as process:
        for _ in range(settings.pick(200 if guest == "linux" else 10, 3)):
            seen = _seen(process, memory_bytes)
            if seen is None:
                break
            rows.append(seen)
            beyond_mib.append(seen["PSS"] - seen["touched"])
            time.sleep(EVERY_S)
    if not rows:
        raise MeasurementError(f"{guest} ended before its memory was seen")
    for name in rows[0]:
        result.value(f"{guest}, {harts} hart(s): {name}", "MiB", [row[name] for row in rows])
    result.value(f"{guest}, {harts} hart(s): PSS beyond touched RAM", "MiB", beyond_mib)
    return max(beyond_mib)


def _seen(process: subprocess.Popen[bytes], memory_bytes: int) -> dict[str, float] | None:
    """All at one moment, in MiB; None if the run has ended."""
    if process.poll() is not None:
        return None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        guest = guest_memory(process.pid, memory_bytes)
        return {
            "touched": guest.touched_bytes / MIB,
            "resident RAM": guest.resident_bytes / MIB,
            "PSS": rollup_bytes(process.pid, "Pss") / MIB,
            "RSS": rollup_bytes(process.pid, "Rss") / MIB,
        }
    except (OSError, MeasurementError):
        if process.poll() is not None or not rollup_exists(process.pid):
            return None
        raise
    finally:
        os.kill(process.pid, signal.SIGCONT)


def rollup_exists(pid: int) -> bool:
    """Whether process `pid` still has memory: one that ends first lets go of it."""
    try:
        return rollup_bytes(pid, "Rss") > 0
    except (OSError, MeasurementError):
        return False


def _pair(result: CaseResult, settings: Settings) -> None:
    """Two hosts that are Protected and compute; not stopped, which would be taken for death."""
    memory_bytes = MEMORY_MIB["compute"] * MIB
    hosts_mib, all_mib, touched_mib = [], [], []
    arguments = ("compute", "--clock", "virtual", "--memory", f"{MEMORY_MIB['compute']}M")
    with running(*arguments, "--append", APPEND["compute"], until=b"round 1 quicksort") as process:
        for _ in range(settings.pick(10, 2)):
            hosts = hosts_of(process.pid)
            touched_mib.append(guest_memory(hosts[0], memory_bytes).touched_bytes / MIB)
            hosts_mib.append(sum(rollup_bytes(host, "Pss") for host in hosts) / MIB)
            all_mib.append(sum(rollup_bytes(pid, "Pss") for pid in family(process.pid)) / MIB)
            time.sleep(EVERY_S)
    touched = result.value("pair on compute: touched", "MiB", touched_mib)
    two = result.value("pair on compute: PSS of the two hosts", "MiB", hosts_mib)
    result.judge("memory.pair", two.max - 2 * touched.median, "the two hosts")
    everyone = result.value("pair on compute: PSS with fork server and monitor", "MiB", all_mib)
    result.judge("memory.pair", everyone.max - 2 * touched.median, "with fork server and monitor")
