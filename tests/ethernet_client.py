"""A guest's network stack in miniature: frames of ARP, DHCP and TCP, written and read by tests."""

from __future__ import annotations

import dataclasses
import socket
import struct

from lockstep.host.passt import GUEST_MAC, mac_bytes

MAC = mac_bytes(GUEST_MAC)
BROADCAST = b"\xff" * 6
IPV4, ARP = 0x0800, 0x0806
TCP, UDP = 6, 17
FIN, SYN, RST, PUSH, ACK = 1, 2, 4, 8, 16
DHCP_DISCOVER, DHCP_OFFER = 1, 2
_COOKIE = b"\x63\x82\x53\x63"


def checksum(data: bytes) -> int:
    """RFC 1071."""
    words = struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet_type(frame: bytes) -> int:
    return int.from_bytes(frame[12:14], "big")


def ipv4(protocol: int, source: bytes, target: bytes, payload: bytes, to_mac: bytes = BROADCAST) -> bytes:
    """A frame with one IPv4 packet."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, source, target)
    head = head[:10] + checksum(head).to_bytes(2, "big") + head[12:]
    return to_mac + MAC + IPV4.to_bytes(2, "big") + head + payload


def dhcp_discover() -> bytes:
    """Somebody is to offer an address."""
    message = struct.pack(">BBBBIHH16s16s64s128s", 1, 1, 6, 0, 7, 0, 0, b"", MAC, b"", b"")
    message += _COOKIE + bytes([53, 1, DHCP_DISCOVER, 255])
    return ipv4(UDP, bytes(4), BROADCAST[:4], struct.pack(">HHHH", 68, 67, 8 + len(message), 0) + message)


@dataclasses.dataclass(frozen=True)
class Offer:
    """What a DHCP server offers."""

    address: str
    options: dict[int, bytes]


def dhcp_offer(frame: bytes) -> Offer | None:
    """The offer in a frame, if it has one."""
    if ethernet_type(frame) != IPV4 or frame[23] != UDP or frame[36:38] != (68).to_bytes(2, "big"):
        return None
    message = frame[42:]
    options, at = {}, message.index(_COOKIE) + len(_COOKIE)
    while at < len(message) and message[at] != 255:
        if message[at] == 0:
            at += 1
            continue
        length = message[at + 1]
        options[message[at]] = message[at + 2 : at + 2 + length]
        at += 2 + length
    assert options[53] == bytes([DHCP_OFFER])
    return Offer(socket.inet_ntoa(message[16:20]), options)


@dataclasses.dataclass(frozen=True)
class Segment:
    """A TCP segment between a guest and one peer."""

    source: bytes
    target: bytes
    source_port: int
    target_port: int
    sequence: int
    acknowledged: int
    flags: int
    data: bytes = b""

    def frame(self, to_mac: bytes) -> bytes:
        """It as a frame."""
        head = struct.pack(
            ">HHIIBBHHH",
            self.source_port, self.target_port, self.sequence & 0xFFFF_FFFF, self.acknowledged & 0xFFFF_FFFF,
            5 << 4, self.flags, 60000, 0, 0,
        )  # fmt: skip
        length = len(head) + len(self.data)
        pseudo = self.source + self.target + struct.pack(">BBH", 0, TCP, length)
        total = checksum(pseudo + head + self.data).to_bytes(2, "big")
        return ipv4(TCP, self.source, self.target, head[:16] + total + head[18:] + self.data, to_mac)

    def answer(self, sequence: int, flags: int, data: bytes = b"") -> Segment:
        """A segment back that acknowledges all of this one."""
        length = len(self.data) + bool(self.flags & SYN) + bool(self.flags & FIN)
        return Segment(
            self.target, self.source, self.target_port, self.source_port,
            sequence, self.sequence + length, flags, data,
        )  # fmt: skip


def tcp_segment(frame: bytes) -> Segment | None:
    """The TCP segment in a frame, if it has one."""
    if ethernet_type(frame) != IPV4 or frame[23] != TCP:
        return None
    packet = frame[14 : 14 + int.from_bytes(frame[16:18], "big")]
    head = packet[20:]
    source_port, target_port, sequence, acknowledged, offset, flags = struct.unpack(">HHIIBB", head[:14])
    return Segment(
        packet[12:16], packet[16:20], source_port, target_port, sequence, acknowledged, flags, head[offset >> 4 << 2 :]
    )  # fmt: skip
