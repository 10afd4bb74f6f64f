"""The fork server: imports and compiles everything once, then forks hosts, each ready in milliseconds.

    python -m lockstep.host FD DIRECTORY      FD: a Unix socket to the monitor

It has one thread and ends with the monitor, whose directory it removes if that died; hosts die with it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import shutil
import signal
import socket
import traceback
from pathlib import Path

from lockstep.errors import LockstepError
from lockstep.host import messages as m
from lockstep.host.device_links import DeviceLinks
from lockstep.host.options import CheckIntervals
from lockstep.host.process import HostProcess
from lockstep.host.warm_up import warm_up
from lockstep.machine.config import Disk, MachineConfig
from lockstep.machine.loader.place import BootPlan, plan_boot
from lockstep.machine.machine import Machine

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Be killed when the parent dies."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def config_of(message: m.Prepare) -> MachineConfig:
    """The config that the monitor described."""
    sources: dict[str, Path | bytes] = {name: Path(path) for name, path in message.paths.items()}
    sources.update(message.contents)
    return MachineConfig(
        memory_bytes=message.memory_bytes,
        harts=message.harts,
        clock="virtual" if message.clock == "virtual" else "host",
        append=message.append,
        guest_name=message.guest_name,
        guest=sources.get("guest"),
        bios=sources.get("bios"),
        kernel=sources.get("kernel"),
        initrd=sources.get("initrd"),
        disks=tuple(
            Disk(path=Path(path), size_bytes=size_bytes, read_only=read_only)
            for path, size_bytes, read_only in message.disks
        ),
        has_network=message.has_network,
    )


class Server:
    """Forks hosts on demand."""

    def __init__(self, wire: m.Wire) -> None:
        """`wire` leads to the monitor."""
        self.wire = wire
        self.config: MachineConfig | None = None
        self.plan: BootPlan | None = None
        self.typed = b""
        self.checks = CheckIntervals()
        self.is_traced = False

    def run(self) -> None:
        """Serve until the monitor goes away."""
        while True:
            select.select([self.wire], [], [])
            received = self.wire.receive()
            if received is None:
                return
            for message in received:
                if isinstance(message, m.Prepare):
                    self._prepare(message)
                elif isinstance(message, m.Spawn):
                    self._spawn(message)

    def _prepare(self, message: m.Prepare) -> None:
        try:
            self.config = config_of(message)
            self.plan = plan_boot(self.config)
            self.typed = message.typed
            self.checks = message.checks
            self.is_traced = message.is_traced
            warm_up()
            # What is there now stays for good: hosts share its memory as long as nobody looks it through for garbage.
            gc.freeze()
            gc.enable()
        except LockstepError as error:
            self.wire.send(m.Failed(text=str(error), exit_code=error.exit_code))
            return
        self.wire.send(m.Prepared())

    def _spawn(self, message: m.Spawn) -> None:
        control = self.wire.descriptors.popleft()
        devices = None
        if self.config is not None and self.config.has_links:
            devices = DeviceLinks.attach(self.config, message.host, self.wire.descriptors.popleft)
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                self._be_host(control, server, devices)
            except OSError:
                pass  # the monitor has gone, or let go of this host: that ends it
            except BaseException:
                traceback.print_exc()
            os._exit(0)
        os.close(control)
        if devices is not None:
            devices.close()
            devices.close_bells()
        self.wire.send(m.Spawned(host=message.host, pid=pid))

    def _be_host(self, control: int, server: int, devices: DeviceLinks | None) -> None:
        die_with_parent()
        if os.getppid() != server:
            return
        self.wire.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # how its own copies end matters to a host
        config, plan, typed = self.config, self.plan, self.typed
        assert config is not None and plan is not None

        def build(boot: bool) -> Machine:
            return Machine(config, typed=typed, plan=plan, boot=boot)

        wire = m.Wire(socket.socket(fileno=control))
        try:
            HostProcess(wire, build, self.checks, is_traced=self.is_traced, devices=devices).run()
        except LockstepError as error:
            wire.send(m.Failed(text=str(error), exit_code=error.exit_code))


def serve(descriptor: int, directory: Path) -> None:
    """Serve the monitor at the other end of the Unix socket `descriptor`; when it is gone, remove its `directory`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        Server(m.Wire(socket.socket(fileno=descriptor))).run()
    except OSError:
        pass  # the monitor has gone while something was said to it
    finally:
        shutil.rmtree(directory, ignore_errors=True)
