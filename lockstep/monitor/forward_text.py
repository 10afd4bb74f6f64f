"""HOST:GUEST: which TCP ports of this machine lead to the guest's."""

from __future__ import annotations

from collections.abc import Iterable

from lockstep.errors import UsageError
from lockstep.host.options import Forward

PORTS = range(1, 1 << 16)
_PORT_DIGITS_MAX = 5


def parse_forwards(texts: Iterable[str], *, has_network: bool) -> tuple[Forward, ...]:
    """All that `--forward` says. UsageError if there is no network, or two would need one port of this machine."""
    forwards = tuple(map(parse_forward, texts))
    if forwards and not has_network:
        raise UsageError("--forward needs a network: give --net user as well")
    taken = set()
    for forward in forwards:
        if (forward.address, forward.host_port) in taken:
            raise UsageError(f"--forward has port {forward.host_port} twice: give each another HOST")
        taken.add((forward.address, forward.host_port))
    return forwards


def parse_forward(text: str) -> Forward:
    """A forward from "8080:80" or "192.168.1.2:8080:80" (an address of this machine in front); else UsageError."""
    host, _, guest = text.rpartition(":")
    address, colon, port = host.rpartition(":")
    host_port, guest_port = _port(port), _port(guest)
    if host_port is None or guest_port is None:
        raise UsageError(
            f"--forward {text[:60]!r} is not HOST:GUEST, two ports from 1 to 65535: "
            "give one as 8080:80 or 127.0.0.1:8080:80"
        )
    if not colon:
        return Forward(host_port, guest_port)
    return Forward(host_port, guest_port, _address(address, text))


def _port(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= _PORT_DIGITS_MAX):
        return None
    return int(text) if int(text) in PORTS else None


def _address(text: str, forward: str) -> str:
    """As `ipaddress` spells it; an IPv6 address is in brackets."""
    import ipaddress

    try:
        if text.startswith("[") and text.endswith("]"):
            return str(ipaddress.IPv6Address(text[1:-1]))
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise UsageError(
            f"--forward {forward[:60]!r} has no address before its ports: give one as 127.0.0.1 or [::1]"
        ) from None
