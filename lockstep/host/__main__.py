"""`python -m lockstep.host FD` is the fork server."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Serve on the descriptor named on the command line."""
    gc.disable()  # the server lets go of it once everything is imported and compiled
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from lockstep.host.server import serve

    serve(int(sys.argv[1]))


if __name__ == "__main__":
    main()
