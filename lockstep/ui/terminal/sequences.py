"""Lets through to the terminal's emulation what it knows of escape sequences, and nothing else.

A guest may send anything. What isn't known is left out whole, so that neither its rest appears as text nor the
emulation is asked for what it would fail at. Strings (titles, device control) are passed over, however long.
"""

from __future__ import annotations

import re

_SEQUENCE = re.compile(
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"  # control sequences
    r"|[PX^_\]][^\x07\x1b\x18\x1a]*(?:\x07|\x1b\\|(?=\x1b[^\\])|[\x18\x1a])"  # strings and what ends them
    r"|[ -/]+[0-~]"  # character sets and the like
    r"|[0-OQ-WYZ`-~]"  # single characters
    r"|)"  # anything else: the escape alone is left out
    r"|[\x80-\x9f]"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|([PX^_\]])[^\x07\x1b\x18\x1a]*(\x1b?)|[ -/]*)\Z")
_KNOWN = re.compile(
    r"\x1b(?:\[(?:[0-9;]{0,64}[@A-HJKLMPX`acdefghlmnr]|\?[0-9;]{0,64}[hl])|[cDEHM78]|[()][0B]|\#8)"
)
_SYNONYMS = {"\x1b[s": "\x1b7", "\x1b[u": "\x1b8"}
_UNFINISHED_MAX = 128
_NEVER_KNOWN = "\x1b[>"


class SequenceFilter:
    """Text in, as it comes; text out that has whole and known sequences only."""

    def __init__(self) -> None:
        """Not within a sequence."""
        self._unfinished = ""

    def known(self, text: str) -> str:
        """What of `text`, behind all before it, the emulation is to see."""
        text = self._unfinished + text
        unfinished = _UNFINISHED.search(text)
        if unfinished is None:
            self._unfinished = ""
        else:
            text, self._unfinished = text[: unfinished.start()], _shortened(unfinished)
        return _SEQUENCE.sub(_if_known, text)


def _if_known(sequence: re.Match[str]) -> str:
    text = sequence[0]
    return text if _KNOWN.fullmatch(text) else _SYNONYMS.get(text, "")


def _shortened(unfinished: re.Match[str]) -> str:
    """As much of it as tells what it is: what a string says doesn't matter."""
    if unfinished[1]:
        return f"\x1b{unfinished[1]}{unfinished[2]}"
    return unfinished[0] if len(unfinished[0]) <= _UNFINISHED_MAX else _NEVER_KNOWN
