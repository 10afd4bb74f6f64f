"""What the guest `linux` serves as /50M: the bytes that guest_files/serve.sh makes, for whoever checks a download."""

from __future__ import annotations

import hashlib

BLOCKS = 12800
BLOCK_BYTES = 4096
_TEXT_BYTES = 8192
_TURN_BYTES = 97
"""Every block takes the text from another place, so that no two are equal but for their number."""
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"


def served_content() -> bytes:
    """50 MiB: blocks of 4,096 bytes, each a number of 8 digits, a space, a part of the text, and the end of a line."""
    text = _text()
    return b"".join(_block(text, number) for number in range(BLOCKS))


def served_sha256() -> str:
    """The SHA-256 of the content, in hexadecimal."""
    return hashlib.sha256(served_content()).hexdigest()


def _block(text: bytes, number: int) -> bytes:
    head = b"%08d " % number
    start = number * _TURN_BYTES % BLOCK_BYTES
    return head + text[start : start + BLOCK_BYTES - len(head) - 1] + b"\n"


def _text() -> bytes:
    """Drawn by Park and Miller's generator."""
    state, text = 1, bytearray()
    for _ in range(_TEXT_BYTES):
        state = state * 16807 % 2147483647
        text.append(_ALPHABET[state % len(_ALPHABET)])
    return bytes(text)
