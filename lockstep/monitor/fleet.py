"""Host processes as the monitor sees them: spawned through the fork server, killed for real, their descriptors."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from lockstep.errors import InternalError
from lockstep.host import messages as m
from lockstep.host.options import RunOptions
from lockstep.log.shared import SharedRing
from lockstep.machine.config import MachineConfig
from lockstep.monitor.parties import Host

SOCKET_BUFFER_BYTES = 1 << 20
RING_BYTES = 1 << 22
SEND_LIMIT = struct.pack("@ll", 1, 0)
"""One second, as the kernel's `struct timeval`."""


@dataclasses.dataclass(kw_only=True, eq=False)
class HostHandle(Host):
    """One host process."""

    wire: m.Wire
    pidfd: int | None = None

    def kill(self) -> None:
        """SIGKILL, to this very process."""
        if self.pidfd is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def close(self) -> None:
        """Let go of the descriptors."""
        self.wire.close()
        if self.pidfd is not None:
            os.close(self.pidfd)
            self.pidfd = None

    def send(self, message: m.Message, descriptors: tuple[int, ...] = ()) -> None:
        """Send. A host that is gone, or takes nothing for so long that it would hold everybody up, is killed.

        That it is gone is noticed where its connection ends.
        """
        try:
            self.wire.send(message, descriptors)
        except OSError:
            self.kill()


def prepare_message(config: MachineConfig, options: RunOptions) -> m.Prepare:
    """What the fork server has to know of the machine and of what is asked of its hosts."""
    sources = {name: getattr(config, name) for name in ("guest", "bios", "kernel", "initrd")}
    paths = {name: os.fspath(source) for name, source in sources.items() if isinstance(source, os.PathLike)}
    contents = {name: source for name, source in sources.items() if isinstance(source, bytes)}
    return m.Prepare(
        memory_bytes=config.memory_bytes,
        harts=config.harts,
        clock=config.clock,
        append=config.append,
        guest_name=config.guest_name,
        paths=paths,
        contents=contents,
        typed=options.typed,
        checks=options.checks,
        is_traced=options.trace is not None,
        disks=tuple((os.fspath(disk.path), disk.size_bytes, disk.read_only) for disk in config.disks),
        has_network=config.has_network,
    )


class Fleet:
    """The fork server and the hosts that it forked."""

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        *,
        spawning: Callable[[HostHandle], None] = lambda handle: None,
        forgetting: Callable[[HostHandle], None] = lambda handle: None,
        links: Callable[[int], tuple[int, ...]] = lambda number: (),
    ) -> None:
        """Start the fork server, which removes `directory` if the monitor dies before it can.

        Hosts are given to `spawning` as they come, to `forgetting` before they go. `links` makes what connects a host's
        devices, and returns the descriptors that it is to get.
        """
        self._spawning, self._forgetting = spawning, forgetting
        self._links = links
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lockstep.host", str(theirs.fileno()), os.fspath(directory)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**(environment or os.environ), "OPENBLAS_NUM_THREADS": "1"},
                process_group=0,
            )
        self.wire = m.Wire(ours)
        self.hosts: dict[int, HostHandle] = {}
        self._spawned = 0

    def spawn(self, now_s: float) -> HostHandle:
        """Fork another host; it reports by `Spawned` (from the server) and `Ready`."""
        self._spawned += 1
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SEND_LIMIT)
        handle = HostHandle(number=self._spawned, spawned_at_s=now_s, last_sign_s=now_s, wire=m.Wire(ours))
        self.hosts[handle.number] = handle
        with theirs:
            self.wire.send(m.Spawn(host=handle.number), (theirs.fileno(), *self._links(handle.number)))
        self._spawning(handle)
        return handle

    def spawned(self, message: m.Spawned) -> None:
        """The server forked a host."""
        handle = self.hosts.get(message.host)
        if handle is not None:
            handle.pid = message.pid
            with contextlib.suppress(ProcessLookupError):
                handle.pidfd = os.pidfd_open(message.pid)

    def forget(self, host: Host) -> None:
        """`host`'s process is gone or about to be: kill it to be sure, and let go of it."""
        handle = self.hosts.pop(host.number, None)
        if handle is not None:
            self._forgetting(handle)
            handle.kill()
            handle.close()

    def ring(self, generation: int, secondary: int) -> int:
        """The descriptor of a new ring in shared memory; `LogError` if there is none to be had."""
        with SharedRing.create(RING_BYTES, generation, secondary) as ring:
            return os.dup(ring.fd)

    def pipe(self) -> tuple[int, int]:
        """A new pipe, for a machine's state; `InternalError` if there is none to be had."""
        try:
            return os.pipe()
        except OSError as error:
            raise InternalError(f"no pipe for a machine's state ({error.strerror}): see ulimit -n") from None

    def close_descriptor(self, descriptor: int) -> None:
        """Close it here; hosts that it was sent to have their own."""
        os.close(descriptor)

    def close(self) -> None:
        """Kill all that is left."""
        for handle in list(self.hosts.values()):
            self.forget(handle)
        self.wire.close()
        self._process.kill()
        self._process.wait()
