"""What lockstep itself says: lines on stderr, never on stdout."""

from __future__ import annotations

import contextlib
import sys


def say(line: str) -> None:
    """One line on stderr; a stderr that is closed or full is no reason to fail."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None:
            sys.stderr.write(f"lockstep: {line}\n")
            sys.stderr.flush()


def one_line(text: str) -> str:
    """`text` without line breaks or control characters, which a file's name may have put there."""
    words = " ".join(text.split())
    return "".join(character if character.isprintable() else "?" for character in words)
