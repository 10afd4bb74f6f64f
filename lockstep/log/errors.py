"""Why the log refuses: a negative code in nopython code, one `LogError` subclass for each in Python.

LogError
+-- ForeignMagicError     FOREIGN_MAGIC      +-- OutOfSequenceError    OUT_OF_SEQUENCE
+-- ForeignVersionError   FOREIGN_VERSION    +-- PastEntryError        IN_PAST
+-- ForeignRingError      FOREIGN_RING       +-- SealedLogError        SEALED
+-- DamagedHeaderError    BAD_HEADER         +-- EntryTooLargeError    TOO_LARGE
+-- BadLengthError        BAD_LENGTH         +-- UnknownKindError      BAD_KIND
+-- TornEntryError        TORN               +-- NotPeekedError        NOT_PEEKED
+-- CorruptedEntryError   CORRUPTED          +-- BadCapacityError      BAD_CAPACITY
"""

from __future__ import annotations

from typing import Final

from lockstep.errors import LogError

FULL: Final = -1
SEALED: Final = -2
TOO_LARGE: Final = -3
BAD_KIND: Final = -4
IN_PAST: Final = -5
BAD_LENGTH: Final = -6
TORN: Final = -7
CORRUPTED: Final = -8
OUT_OF_SEQUENCE: Final = -9
BAD_HEADER: Final = -10
FOREIGN_MAGIC: Final = -11
FOREIGN_VERSION: Final = -12
FOREIGN_RING: Final = -13
NOT_PEEKED: Final = -14
BAD_CAPACITY: Final = -15


class SealedLogError(LogError):
    """Append to a ring whose log was cut."""


class EntryTooLargeError(LogError):
    """The payload is longer than this ring can ever take."""


class UnknownKindError(LogError):
    """The kind of the entry isn't one that can be written."""


class PastEntryError(LogError):
    """The entry is stamped before the one that precedes it."""


class BadLengthError(LogError):
    """The length of the entry is more than the ring can hold."""


class TornEntryError(LogError):
    """The entry isn't there as a whole although the producer counted it."""


class CorruptedEntryError(LogError):
    """The checksum of the entry doesn't fit its content."""


class OutOfSequenceError(LogError):
    """An entry is missing, doubled, or left from an earlier lap of the ring."""


class DamagedHeaderError(LogError):
    """The header page of the ring contradicts itself."""


class ForeignMagicError(LogError):
    """The memory isn't a ring of lockstep."""


class ForeignVersionError(LogError):
    """The ring was made by another version of lockstep."""


class ForeignRingError(LogError):
    """The ring belongs to another generation or another secondary."""


class NotPeekedError(LogError):
    """An entry is to be consumed that nobody has looked at."""


class BadCapacityError(LogError):
    """The capacity of a ring is a power of two between 128 bytes and 4 GiB."""


_ERRORS: Final[dict[int, tuple[type[LogError], str]]] = {
    SEALED: (SealedLogError, "the log was cut: this host was succeeded by another and must stop"),
    TOO_LARGE: (EntryTooLargeError, "the payload doesn't fit: make the log ring larger"),
    BAD_KIND: (UnknownKindError, "the kind of a log entry must lie between 1 and 32767"),
    IN_PAST: (PastEntryError, "a log entry is stamped before the one that precedes it"),
    BAD_LENGTH: (BadLengthError, "a log entry claims more bytes than the ring can hold"),
    TORN: (TornEntryError, "a log entry was counted but not written as a whole"),
    CORRUPTED: (CorruptedEntryError, "a log entry is corrupted: its checksum doesn't fit"),
    OUT_OF_SEQUENCE: (OutOfSequenceError, "a log entry is missing, doubled or stale"),
    BAD_HEADER: (DamagedHeaderError, "the header of the log ring is damaged"),
    FOREIGN_MAGIC: (ForeignMagicError, "this memory isn't a log ring of lockstep"),
    FOREIGN_VERSION: (ForeignVersionError, "the log ring is from another version of lockstep"),
    FOREIGN_RING: (ForeignRingError, "the log ring belongs to another generation or secondary"),
    NOT_PEEKED: (NotPeekedError, "a log entry must be looked at before it is consumed"),
    BAD_CAPACITY: (BadCapacityError, "a log ring's capacity must be a power of two from 128 bytes to 4 GiB"),
}


def log_error(code: int) -> LogError:
    """The exception for a negative `code` of the ring's functions (FULL isn't an error: wait)."""
    error, message = _ERRORS[code]
    return error(message)


def raise_if_error(code: int) -> int:
    """Return `code` if it is a result, raise its `LogError` if it is a refusal."""
    if code < 0:
        raise log_error(code)
    return code
