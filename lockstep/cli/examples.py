"""The examples at the end of each command's --help. Tests parse all of them and docs/reference.md shows them."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "run": (
        ("lockstep run linux", "Debian's Linux on a pair, after lockstep fetch linux"),
        ("lockstep run compute --clock virtual --crash primary@50M", "the primary dies, the guest goes on"),
        (
            "lockstep run echo --input lines.txt --trace echo.trace",
            "kept, to be run again by lockstep replay",
        ),
        ("lockstep run linux --disk d.img --crash-every 2s", "what it writes to /dev/vda is in d.img"),
        ("lockstep run linux --net user --forward 8080:80", "port 8080 here is the guest's port 80"),
    ),
    "verify": (
        ("lockstep verify compute --append rounds=1", "equal after every 10 million instructions?"),
        ("lockstep verify compute --inject x7@10M:13", "no: since which instruction?"),
        (
            "lockstep verify selftest --campaign 20 --seed 1",
            "twenty random soft errors, and what became of them",
        ),
    ),
    "sim": (
        ("lockstep sim --seed 1 --count 100", "a hundred seeded worlds of failures"),
        ("lockstep sim --seed 7 --trace", "every event of one of them"),
    ),
    "guests": (
        ("lockstep guests", "a table on a terminal"),
        ("lockstep guests | cut -f 1", "tab-separated elsewhere: only the names"),
    ),
    "fetch": (
        ("lockstep fetch linux", "once; it is kept in the cache"),
        ("lockstep fetch linux --update", "newer packages, if Debian has some"),
    ),
    "demo": (
        ("lockstep demo", "Linux loses its host while it prints; needs apt"),
        ("lockstep demo timer", "the same with a bundled guest"),
    ),
    "replay": (
        ("lockstep replay echo.trace", "the recorded run once more"),
        ("lockstep replay echo.trace --from 1M --until 2M", "a part of it, from the nearest checkpoint"),
    ),
    "log": (
        ("lockstep log echo.trace", "every entry: icount, kind, content"),
        ("lockstep log echo.trace --stats", "how many of each kind, how many bytes"),
    ),
    "ps": (
        ("lockstep ps", "your running pairs, in columns"),
        ("lockstep ps --json | jq '.[].protection'", "all that is known of them, for scripts"),
    ),
    "watch": (
        ("lockstep watch", "the secondary's console, the events that it replays, what happens"),
        ("lockstep watch linux --console", "the console alone, raw"),
        ("lockstep watch --json --kind input | head", "what is typed, for scripts"),
    ),
    "crash": (
        ("lockstep crash primary", "if there is just one pair"),
        ("lockstep crash linux secondary", "of the pair that lockstep ps calls linux"),
    ),
    "protect": (
        ("lockstep protect", "says so at once if the pair is Protected already"),
        ("lockstep protect linux --timeout 5", "waits five seconds at most"),
    ),
    "stop": (("lockstep stop linux", "its outcome is interrupted, its report is written"),),
    "completion": (
        ('eval "$(lockstep completion bash)"', "in ~/.bashrc"),
        ('eval "$(lockstep completion zsh)"', "in ~/.zshrc"),
        ("lockstep completion fish | source", "in ~/.config/fish/config.fish"),
    ),
}


def examples_of(command: str) -> str | None:
    """The text at the end of the help of `command`, or None if it has no examples."""
    examples = EXAMPLES.get(command)
    if not examples:
        return None
    # \b keeps typer from filling the lines.
    lines = [f"  {line}\n      {purpose}" for line, purpose in examples]
    return "\b\nExamples:\n" + "\n".join(lines)
