"""RFC 8439, sections 2.1.1, 2.3.2 and A.1."""

from __future__ import annotations

import ctypes
import struct

import numpy as np
import pytest

from lockstep.machine.devices.virtio.chacha import chacha_block, quarter_round


def block(key: bytes, counter: int, nonce: bytes) -> bytes:
    words = np.frombuffer(key, "<u4").astype(np.int64)
    room = ctypes.create_string_buffer(64)
    chacha_block(words, counter, struct.unpack("<3I", nonce), ctypes.addressof(room))
    return room.raw


def test_quarter_round() -> None:
    assert quarter_round(0x11111111, 0x01020304, 0x9B8D6F43, 0x01234567) == (
        0xEA2A92F4,
        0xCB1CF8CE,
        0x4581472E,
        0x5881C4BB,
    )


VECTORS = [
    (
        bytes(range(32)), 1, "000000090000004a00000000",
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4ed2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
    ),
    (
        bytes(32), 0, "000000000000000000000000",
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
    ),
    (
        bytes(32), 1, "000000000000000000000000",
        "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
    ),
    (
        bytes([0, 0xFF]) + bytes(30), 2, "000000000000000000000000",
        "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("key", "counter", "nonce", "expected"), VECTORS)
def test_blocks(key: bytes, counter: int, nonce: str, expected: str) -> None:
    assert block(key, counter, bytes.fromhex(nonce)).hex() == expected
