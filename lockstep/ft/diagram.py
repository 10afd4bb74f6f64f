"""The table of role transitions as text, for the docs."""

from __future__ import annotations

from lockstep.ft.roles import TRANSITIONS


def roles_table() -> str:
    """A Markdown table: role, event, next role."""
    lines = ["| role | when | becomes |", "| --- | --- | --- |"]
    for role, transitions in TRANSITIONS.items():
        lines += [f"| {role.value} | {event.value} | {after.value} |" for event, after in transitions.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(roles_table(), end="")
