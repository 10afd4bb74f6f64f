"""passt, which gives the machine a network without privileges: frames on a socket here, ordinary sockets of this
machine there.

The guest's addresses are fixed, the ones that QEMU's users know: 10.0.2.15 of 10.0.2.0/24 by DHCP, and 10.0.2.2 as
gateway, which is also this machine as seen from the guest. passt ends by itself when our end of the socket is closed,
however we end.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterable

from lockstep.errors import InternalError, LockstepError, UsageError
from lockstep.host.options import Forward

GUEST_ADDRESS, GATEWAY_ADDRESS, PREFIX_BITS = "10.0.2.15", "10.0.2.2", 24
GATEWAY_MAC = "52:55:0a:00:02:02"
GUEST_MAC = "52:54:00:12:34:56"
MTU = 65520
"""passt's largest: frames of 65,534 bytes."""
LENGTH = struct.Struct(">I")
"""Ahead of each frame on the socket, as in QEMU's stream netdev."""
START_LIMIT_S = 5.0
_END_LIMIT_S = 1.0
_READ_LIMIT_S = 0.2
_ARP = 0x0806
_TROUBLE_BYTES = 1 << 16


class Passt:
    """A passt that runs."""

    def __init__(self, process: subprocess.Popen[bytes], wire: socket.socket, trouble: int) -> None:
        """Use `start` instead. `trouble` is what its stderr is read from."""
        self.wire = wire
        """A stream of frames, each with its length as a big-endian uint32 ahead. Doesn't block."""
        self._process = process
        self._trouble = trouble

    @classmethod
    def start(cls, forwards: Iterable[Forward] = (), limit_s: float = START_LIMIT_S) -> Passt:
        """Start passt, with ports of this machine that lead to the guest's, and wait until it is there.

        UsageError: a port can't be had. LockstepError: passt is missing, or doesn't work here; what to do about it.
        """
        forwards = tuple(forwards)
        program = find_passt()
        _check_ports(forwards)
        try:
            return cls._start([program, *_options(forwards)], limit_s)
        except _NoInterfaceError:
            # Without a way to the outside there still is this machine.
            return cls._start([program, *_options(forwards), "-i", "lo"], limit_s)

    @classmethod
    def _start(cls, command: list[str], limit_s: float) -> Passt:
        ours, theirs = socket.socketpair()
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)  # so that passt never waits for us to read what it complains of
        try:
            process = subprocess.Popen(
                [*command, "--fd", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,  # signals of our terminal aren't for it
            )
        except OSError as error:
            ours.close()
            os.close(reader)
            raise LockstepError(f"passt ({command[0]}) can't be started: {error.strerror}") from None
        finally:
            theirs.close()
            os.close(writer)
        passt = cls(process, ours, reader)
        try:
            passt._await_answer(limit_s)
        except BaseException:
            process.kill()
            passt.stop()
            raise
        passt.last_words_so_far()  # what it said at its start is no reason for an end
        ours.setblocking(False)
        return passt

    def _await_answer(self, limit_s: float) -> None:
        """Ask who the gateway is: that is answered once all is set up, and tells passt who we are."""
        deadline_s = time.monotonic() + limit_s
        try:
            question = arp_request()
            self.wire.sendall(LENGTH.pack(len(question)) + question)
            while True:
                (length,) = LENGTH.unpack(self._receive(LENGTH.size, deadline_s))
                frame = self._receive(length, deadline_s)
                if int.from_bytes(frame[12:14], "big") == _ARP:
                    return
        except TimeoutError:
            raise InternalError(f"passt gave no answer within {limit_s:g} s") from None
        except (OSError, EOFError):
            raise self._why_ended() from None

    def _receive(self, length: int, deadline_s: float) -> bytes:
        data = b""
        while len(data) < length:
            self.wire.settimeout(max(deadline_s - time.monotonic(), 0.001))
            part = self.wire.recv(length - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _why_ended(self) -> LockstepError:
        """What passt, which has ended without being told to, says about it."""
        text = self.last_words()
        if "interface" in text.lower():
            return _NoInterfaceError(f"passt finds no network here: {text}")
        if "namespace" in text or "sandbox" in text:
            return LockstepError(
                f"passt can't shut itself in ({text}): allow user namespaces here, or leave --net out"
            )
        return LockstepError(f"passt failed: {text or 'it ended at once'}")

    def last_words(self) -> str:
        """The last line that passt, which is ending, wrote to stderr; empty: none."""
        try:
            self._process.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            return ""
        return self.last_words_so_far()

    def last_words_so_far(self) -> str:
        """The last line that it wrote to stderr since this was asked last; empty: none."""
        try:
            text = os.read(self._trouble, _TROUBLE_BYTES).decode(errors="replace")
        except BlockingIOError:
            return ""
        # Where there is no system log, old versions say so for each line that they write.
        lines = [line.strip() for line in text.splitlines() if "to syslog" not in line]
        return next((line for line in reversed(lines) if line), "")

    def stop(self) -> None:
        """End it, once it has read what was sent."""
        if self._process.poll() is None:
            self._let_read()
        self.wire.close()
        try:
            self._process.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._trouble)

    def _let_read(self) -> None:
        """Wait a little until nothing is left in the socket: what comes with its end may be overlooked."""
        deadline_s = time.monotonic() + _READ_LIMIT_S
        while unread_bytes(self.wire) and time.monotonic() < deadline_s:
            time.sleep(0.001)


class _NoInterfaceError(LockstepError):
    """There is no interface whose addresses passt could use."""


def find_passt() -> str:
    """Where passt is. LockstepError if it isn't."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/bin:/usr/bin:/usr/sbin:/sbin"))
    found = shutil.which("passt", path=path)
    if found is None:
        raise LockstepError("--net user needs passt, which is missing: apt-get install passt")
    return found


def _options(forwards: Iterable[Forward]) -> list[str]:
    return [
        "--foreground", "--quiet", "--ipv4-only",
        "--address", GUEST_ADDRESS, "--netmask", str(PREFIX_BITS), "--gateway", GATEWAY_ADDRESS,
        "--mac-addr", GATEWAY_MAC, "--mtu", str(MTU),
        *(f"--tcp-ports={one.address}/{one.host_port}:{one.guest_port}" for one in forwards),
    ]  # fmt: skip


def _check_ports(forwards: Iterable[Forward]) -> None:
    """UsageError for a port that passt won't get: it wouldn't say why."""
    for forward in forwards:
        name = f"--forward {forward.host_port}:{forward.guest_port}"
        where = f"{forward.address}:{forward.host_port}"
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((forward.address, forward.host_port))
                probe.listen(1)
            except PermissionError:
                raise UsageError(f"{name}: you may not open {where}: choose a port above 1023") from None
            except (OSError, ValueError) as error:
                if ":" in forward.address:
                    raise UsageError(
                        f"{name}: {forward.address} isn't IPv4, as the guest's network is"
                    ) from None
                reason = error.strerror if isinstance(error, OSError) else str(error)
                is_used = isinstance(error, OSError) and "in use" in (error.strerror or "")
                what = "is in use: choose another port" if is_used else f"can't be opened: {reason}"
                raise UsageError(f"{name}: {where} {what}") from None


def mac_bytes(text: str) -> bytes:
    """A MAC address as bytes."""
    return bytes.fromhex(text.replace(":", ""))


def arp_request() -> bytes:
    """The frame in which the guest asks for the gateway's MAC address (RFC 826)."""
    guest_mac = mac_bytes(GUEST_MAC)
    guest, gateway = map(socket.inet_aton, (GUEST_ADDRESS, GATEWAY_ADDRESS))
    head = b"\xff" * 6 + guest_mac + _ARP.to_bytes(2, "big")
    return head + struct.pack(">HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, guest_mac, guest, bytes(6), gateway)


def unread_bytes(wire: socket.socket) -> int:
    """How much of what was sent on a Unix socket its other end hasn't read yet (TIOCOUTQ)."""
    import fcntl
    import termios

    return int.from_bytes(fcntl.ioctl(wire.fileno(), termios.TIOCOUTQ, bytes(4)), "little")
