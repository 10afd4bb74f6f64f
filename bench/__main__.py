"""Runs benchmarks and prints what they find. docs/benchmarks.md says what each measures."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path

from bench.commands import compile_first
from bench.environment import describe
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
    "log": "the ring against multiprocessing",
    "inject": "interrupts replayed per second",
}
RUNS_MAX = 10_000


def run_case(name: str, settings: Settings) -> CaseResult:
    """Measure one case; what can't be measured is in the result."""
    result = CaseResult(name, is_smoke=settings.is_smoke)
    print(f"\n{name}: {CASES[name]}")
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
    parser.add_argument("--smoke", action="store_true", help="little of everything; targets aren't judged")
    parser.add_argument("--runs", type=_runs, metavar="N", help="runs of everything that is compared")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in CASES]:
        parser.error(f"there is no benchmark {unknown[0]!r}: give {', '.join(CASES)}")
    settings = Settings(options.smoke, options.runs)
    machine = describe()
    print(f"machine: {', '.join(f'{key} {value}' for key, value in machine.items())}")
    if float(machine["load"]) > 0.5:
        print("the machine is not idle: ratios in turns stand some of that, absolute times do not")
    compile_first()
    results = [run_case(name, settings) for name in options.names or CASES]
    if options.json is not None:
        cases = [result.as_dict() for result in results]
        options.json.write_text(json.dumps({"machine": machine, "cases": cases}, indent=2) + "\n")
    missed = [
        target["name"] for result in results for target in result.targets if target["verdict"] == "FAIL"
    ]
    failed = [what for result in results for what in result.failures]
    print(f"\n{len(missed)} target(s) missed{''.join(f'; {name}' for name in missed)}")
    print(f"{len(failed)} thing(s) not measured")
    return 1 if failed else 0


def _runs(text: str) -> int:
    runs = int(text)
    if not 1 <= runs <= RUNS_MAX:
        raise argparse.ArgumentTypeError(f"{runs} is out of range: give 1 to {RUNS_MAX}")
    return runs


if __name__ == "__main__":
    sys.exit(main())
