"""`python -m lockstep.host FD DIRECTORY` is the fork server."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path


def main() -> None:
    """Serve on the descriptor named on the command line; the directory goes with the monitor."""
    gc.disable()  # the server lets go of it once everything is imported and compiled
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from lockstep.host.server import serve

    serve(int(sys.argv[1]), Path(sys.argv[2]))


if __name__ == "__main__":
    main()
