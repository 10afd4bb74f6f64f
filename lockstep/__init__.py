"""lockstep: a guest machine that survives the death of its host.

For scripts: `from lockstep import Machine, Pair, Trace` (docs/library.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lockstep.errors import LockstepError
    from lockstep.library.diff import Diff, diff
    from lockstep.library.machine import Machine
    from lockstep.library.pair import Pair
    from lockstep.library.snapshot import Snapshot
    from lockstep.library.stop import Stop
    from lockstep.library.trace import Trace

__version__ = "0.1.0"

__all__ = ["Diff", "LockstepError", "Machine", "Pair", "Snapshot", "Stop", "Trace", "diff"]

_HOMES = {
    "Diff": "lockstep.library.diff",
    "LockstepError": "lockstep.errors",
    "Machine": "lockstep.library.machine",
    "Pair": "lockstep.library.pair",
    "Snapshot": "lockstep.library.snapshot",
    "Stop": "lockstep.library.stop",
    "Trace": "lockstep.library.trace",
    "diff": "lockstep.library.diff",
}


if not TYPE_CHECKING:  # type checkers see the imports above, and that there are no others

    def __getattr__(name: str) -> Any:
        """Import what scripts use where they first use it: the command needs none of it, and is quick."""
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    """Names for scripts included."""
    return sorted({*globals(), *__all__})
