"""Runs benchmarks and prints what they find. docs/benchmarks.md says what each measures."""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from bench.commands import compile_first
from bench.environment import describe
from bench.plots import draw_case, require_matplotlib
from bench.promises import PROMISES
from bench.results import CaseResult, MeasurementError, ToolMissingError
from bench.settings import Settings

CASES = {
    "speed": "compute and Linux beside plain Unicorn and QEMU",
    "start": "--help, and the first byte of hello",
    "memory": "PSS of one machine, per hart, and of a pair",
    "overhead": "protected against solo",
    "failover": "blackout after SIGKILL and SIGSTOP of the primary",
    "clone": "pause and time of re-protection",
    "interval": "how far the secondary trails",
    "checks": "comparing the two machines while they run: cost, and how soon a difference is found",
    "view": "what the live view costs the guest",
    "sim": "simulated worlds per minute",
    "log": "the log in memory, over TCP and at rest, beside queues that a user would pick instead",
    "inject": "interrupts replayed per second",
    "scale": "how cost grows with RAM, with the log's rate, with failovers",
    "qemu": "the same guests on QEMU and lockstep: plain, recorded, replayed",
    "disk": "disk-bound guests: solo, protected, on QEMU; bytes of log",
    "net": "TCP from the guest: throughput, and what the output rule adds to a round trip",
}
RUNS_MAX = 10_000
USAGE_ERROR, INTERRUPTED = 2, 130


def run_case(name: str, settings: Settings) -> CaseResult:
    """Measure one case; what can't be measured is in the result."""
    result = CaseResult(name, is_smoke=settings.is_smoke)
    started_s = time.monotonic()
    try:
        importlib.import_module(f"bench.{name}").measure(result, settings)
    except ToolMissingError as missing:
        result.skip(f"{name}: {missing}")
    except MeasurementError as error:
        result.fail(f"{name}: {error}")
    print(f"  hash of the result {result.hash}; took {time.monotonic() - started_s:.1f} s")
    return result


def main(arguments: list[str] | None = None) -> int:
    """0, or 1 if something couldn't be measured; a target that is missed is a result like any other."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(CASES)} [default: all]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results to FILE")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw each case to DIR/NAME.svg")
    parser.add_argument("--smoke", action="store_true", help="little of everything; targets aren't judged")
    parser.add_argument("--runs", type=_runs, metavar="N", help="runs of everything that is compared")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in CASES]:
        parser.error(f"there is no benchmark {unknown[0]!r}: give {', '.join(CASES)}")
    try:
        _prepare_output(options.json, options.plots)
    except (OSError, ToolMissingError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return USAGE_ERROR
    settings = Settings(options.smoke, options.runs)
    machine = describe()
    print(f"machine: {', '.join(f'{key} {value}' for key, value in machine.items())}")
    if float(machine["load"]) > 0.5:
        print("the machine is not idle: ratios in turns stand some of that, absolute times do not")
    compile_first()
    started_s = time.monotonic()
    names = options.names or list(CASES)
    results = []
    for number, name in enumerate(names, 1):
        print(
            f"\n{name}: {CASES[name]} ({number} of {len(names)}, {time.monotonic() - started_s:.0f} s so far)"
        )
        results.append(run_case(name, settings))
        if options.plots is not None:
            print(f"  drawn to {draw_case(results[-1].as_dict(), machine, options.plots)}")
        if options.json is not None:
            options.json.write_text(_as_json(machine, results))
    missed = [target for result in results for target in result.targets if target["verdict"] == "FAIL"]
    failed = [what for result in results for what in result.failures]
    named = "".join(f"; {target['of']} {PROMISES[target['promise']].what}" for target in missed)
    print(f"\n{len(missed)} target(s) missed{named}")
    print(f"{len(failed)} thing(s) not measured")
    return 1 if failed else 0


def _prepare_output(json_file: Path | None, plots: Path | None) -> None:
    """Find out at once, and not after ten minutes, whether results can be kept."""
    if json_file is not None:
        json_file.touch()
    if plots is not None:
        require_matplotlib()
        plots.mkdir(parents=True, exist_ok=True)


def _as_json(machine: dict[str, str], results: list[CaseResult]) -> str:
    """All that was found so far."""
    document: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "cases": [result.as_dict() for result in results],
    }
    return json.dumps(document, indent=1) + "\n"


def _runs(text: str) -> int:
    runs = int(text)
    if not 1 <= runs <= RUNS_MAX:
        raise argparse.ArgumentTypeError(f"{runs} is out of range: give 1 to {RUNS_MAX}")
    return runs


def _run_as_command() -> int:
    """`main`, and no traceback where somebody has had enough; `--json` has what was found until then."""
    # A line at a time, through a pipe as well: it takes minutes.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # no file of a test's: the process's own
    try:
        return main()
    except KeyboardInterrupt:
        print("\nbench: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Nobody reads on; what is left in the buffer can't be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(_run_as_command())
