"""The command `lockstep`: whatever goes wrong ends in one line on stderr and an exit status."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from lockstep.cli.app import make_app
from lockstep.cli.messages import one_line, say
from lockstep.errors import InternalError, LockstepError, UsageError

DEBUG_VARIABLE = "LOCKSTEP_DEBUG"
_CLICK_ERRORS: tuple[type[BaseException], ...] = tuple(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ in ("UsageError", "ClickException")
)
"""The parser's own errors. Newer versions of typer carry them, older ones import them."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line `arguments` (default: the process's own) and exit."""
    # Until all is imported that a command needs: looking it through for garbage took half of a short run's time.
    gc.disable()
    # NumPy's threads would cost start-up time and nothing here uses them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _occupy_closed_streams()
    _leave(exit_code_of(sys.argv[1:] if arguments is None else arguments))


def _leave(exit_code: int) -> NoReturn:
    """Exit without taking the interpreter, Numba and the guest's memory apart, which takes a quarter of a second."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(exit_code)


def exit_code_of(arguments: Sequence[str]) -> int:
    """Run the command line; its exit status. Errors have been said on stderr by then."""
    try:
        result = make_app()(args=list(arguments), prog_name="lockstep", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except _CLICK_ERRORS as error:
        say(one_line(getattr(error, "format_message", error.__str__)()) + "; see lockstep --help")
        return UsageError.exit_code
    except LockstepError as error:
        _say_trace_if_wanted()
        say(one_line(str(error)))
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except typer.Exit as error:
        return error.exit_code
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has gone: typer exits then. The interpreter would complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return InternalError.exit_code
    except MemoryError:
        _say_trace_if_wanted()
        say("this machine has not enough memory: give the guest a smaller --memory")
        return InternalError.exit_code
    except Exception as error:
        _say_trace_if_wanted()
        what = one_line(f"{type(error).__name__}: {error}")
        say(f"a bug in lockstep, or a broken installation: {what}; {DEBUG_VARIABLE}=1 shows where")
        return InternalError.exit_code


def _occupy_closed_streams() -> None:
    """Where stdin, stdout or stderr is closed, put a file that can't be used: else the next one opened would be it."""
    for descriptor, unusable in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, unusable)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)


def _say_trace_if_wanted() -> None:
    if os.environ.get(DEBUG_VARIABLE):
        import traceback

        traceback.print_exc()
