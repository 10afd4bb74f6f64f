"""The machine that a benchmark runs on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path

QEMU = "qemu-system-riscv64"
PACKAGES = ("unicorn", "numba", "llvmlite", "numpy")


def describe() -> dict[str, str]:
    """CPU, kernel, and versions of everything that a result depends on."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    load = Path("/proc/loadavg").read_text().split()[0]
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": f"{len(os.sched_getaffinity(0))}, {threads_per_core()} thread(s) per core",
        "load": load,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in PACKAGES},
        "qemu": qemu_version() or "not installed",
    }


def threads_per_core() -> str:
    """As the kernel says; a virtual machine may not know."""
    siblings = Path("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")
    try:
        return str(len(siblings.read_text().replace("-", ",").split(",")))
    except OSError:
        return "an unknown number of"


def qemu_version() -> str | None:
    """None if QEMU isn't installed."""
    if shutil.which(QEMU) is None:
        return None
    said = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.split("version ", 1)[-1].split()[0]
