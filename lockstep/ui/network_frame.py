"""An Ethernet frame in a few words."""

from __future__ import annotations

import struct

_ETHERNET = struct.Struct(">6s6sH")
_ADDRESS_BYTES = 4
_IPV4_BYTES_MIN = 20
_PORTS = struct.Struct(">2H")
_IPV4, _ARP, _IPV6 = 0x0800, 0x0806, 0x86DD
_PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP"}
_WITH_PORTS = ("TCP", "UDP")


def frame_text(frame: bytes) -> str:
    """Who sends what to whom; of what isn't IPv4, the hardware's addresses."""
    if len(frame) < _ETHERNET.size:
        return "less than an Ethernet header"
    destination, source, kind = _ETHERNET.unpack_from(frame)
    packet = frame[_ETHERNET.size :]
    if kind == _IPV4 and len(packet) >= _IPV4_BYTES_MIN and packet[0] >> 4 == 4:
        return _ipv4_text(packet)
    name = {_IPV4: "IPv4", _ARP: "ARP", _IPV6: "IPv6"}.get(kind, f"type {kind:#06x}")
    return f"{name} {source.hex(':')} > {destination.hex(':')}"


def _ipv4_text(packet: bytes) -> str:
    """Of a packet with a whole header."""
    ends = [_dotted(packet[start : start + _ADDRESS_BYTES]) for start in (12, 16)]
    protocol = _PROTOCOLS.get(packet[9], f"protocol {packet[9]}")
    header_bytes = 4 * (packet[0] & 15)
    is_first_part = (packet[6] << 8 | packet[7]) & 0x1FFF == 0
    if protocol in _WITH_PORTS and is_first_part and len(packet) >= header_bytes + _PORTS.size:
        ports = _PORTS.unpack_from(packet, header_bytes)
        ends = [f"{address}:{port}" for address, port in zip(ends, ports, strict=True)]
    return f"{protocol} {ends[0]} > {ends[1]}"


def _dotted(address: bytes) -> str:
    return ".".join(map(str, address))
