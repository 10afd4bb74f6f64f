"""The floating-point environment of the thread that runs the guest.

libunicorn leaves most operations on doubles and singles to the host's unit, and assumes it as a process starts: round
to nearest, subnormals kept. That is state of each thread, inherited by the threads and processes that it makes, and
other libraries change it (one built with -ffast-math does on loading).
"""

from __future__ import annotations

import ctypes

from lockstep.errors import InternalError

_set_environment = ctypes.CDLL("libm.so.6").fesetenv
_DEFAULT = ctypes.c_void_p(-1)
"""FE_DFL_ENV of <fenv.h>, which clears the flush-to-zero modes of SSE as well."""


def use_default_float_environment() -> None:
    """For this thread, from here on."""
    if _set_environment(_DEFAULT):
        raise InternalError("the host's floating-point unit can't be set up")
