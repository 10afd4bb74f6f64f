"""`lockstep guests`: what can be run by name."""

from __future__ import annotations

import sys


def guests() -> None:
    """List the guests that can be run by name."""
    from lockstep.catalog.bundled import list_guests

    rows = [
        (entry.name, entry.description, "ready" if entry.is_available else entry.obtained_by)
        for entry in list_guests()
    ]
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("guest", "what it does", "ready, or how to get it", box=None)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
