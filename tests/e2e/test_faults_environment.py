"""What a pair needs of its machine goes away while it runs: the arbiter's directory, shared memory, descriptors."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from command import environment, said_in_one_line
from pair_runs import Pair, wait_for

from lockstep.cli.session import prepare

BANNER = b"echo: type lines, quit ends\n"
GUEST = ("compute", "--append", "rounds=1")
FILE_BYTES_MAX = 1 << 16
"""Less than the log's ring."""
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 24, 1, 2
_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 0x4000, 1 << 18


def as_anybody() -> None:
    """In the child: even root is bound by file permissions."""
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


class EchoPair(Pair):
    """The guest *echo*, live, with its monitor's temporary files in a directory of its own."""

    def __init__(self, directory: Path, *arguments: object) -> None:
        self.directory, self.report_path = directory, directory.parent / "report.json"
        super().__init__(
            *("echo", "--clock", "host", *arguments, "--report", self.report_path),
            stdin=subprocess.PIPE,
            env=environment(TMPDIR=str(directory)),
            preexec_fn=as_anybody,
        )
        self.read_until(BANNER)

    def type(self, line: bytes) -> None:
        assert self.process.stdin is not None
        os.write(self.process.stdin.fileno(), line + b"\n")

    def answers(self, line: bytes) -> bool:
        self.type(line)
        return self.read_until(line[::-1] + b"\n") == line[::-1] + b"\n"

    def said(self, code: int) -> list[str]:
        """What it said on stderr in the end, but for compilation; it ends with exit status `code`."""
        found, _, said = self.end()
        assert found == code, said.decode()
        return [line for line in said.decode().splitlines() if "compiling" not in line]


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Limits are about runs, not about compilation."""
    prepare()


def make_read_only(arbiter: Path) -> None:
    arbiter.chmod(0o555)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "temporary"
    directory.mkdir()
    return directory


BREAKAGES: dict[str, Callable[[Path], None]] = {"read-only": make_read_only, "gone": shutil.rmtree}


@pytest.mark.parametrize("breakage", BREAKAGES)
@pytest.mark.parametrize("victim", ["primary", "secondary", None])
def test_arbiter_that_can_not_be_used(breakage: str, victim: str | None, directory: Path) -> None:
    """The guest goes on for as long as nobody has to take over, or be recorded as gone; then one line says why not."""
    with EchoPair(directory) as pair:
        (arbiter,) = directory.glob("lockstep-arbiter-*")
        BREAKAGES[breakage](arbiter)
        assert pair.answers(b"still here")
        if victim is None:
            pair.type(b"quit")
            assert pair.said(0) == []
        else:
            pair.both()[victim == "secondary"].kill()
            (line,) = pair.said(125)
            assert line.startswith("lockstep: the arbiter's directory")
            assert "nobody may take over" in line
            assert json.loads(pair.report_path.read_text())["exit_code"] == 125
    assert [path for path in directory.iterdir() if path != arbiter] == []
    if arbiter.exists():
        arbiter.chmod(0o755)


@pytest.mark.parametrize("comes_back", [False, True])
def test_no_shared_memory_for_another_secondary(comes_back: bool, directory: Path) -> None:
    """A secondary is lost and there is no memory for a new ring: the guest goes on alone until there is again."""
    with EchoPair(directory) as pair:
        monitor = psutil.Process(pair.process.pid)
        before = monitor.rlimit(psutil.RLIMIT_FSIZE)
        primary, secondary = pair.both()
        monitor.rlimit(psutil.RLIMIT_FSIZE, (FILE_BYTES_MAX, before[1]))
        secondary.kill()
        wait_for(lambda: secondary not in pair.hosts())
        for number in range(20):
            assert pair.answers(b"alone %d" % number)
        if comes_back:
            monitor.rlimit(psutil.RLIMIT_FSIZE, before)
            pair.another([primary, secondary])
            wait_for(lambda: len(pair.hosts()) == 2 and pair.answers(b"again"))
        pair.type(b"quit")
        said = pair.said(0)
    if not comes_back:
        (line,) = said
        assert "no secondary could be made" in line
        assert "shared memory" in line
    report = json.loads(pair.report_path.read_text())
    assert report["failovers"] == []
    assert comes_back or report["clones"] == []


@pytest.mark.parametrize(("channel", "code"), [("shm", 125), ("tcp", 0)])
def test_no_shared_memory_from_the_start(channel: str, code: int) -> None:
    done = with_limit(resource.RLIMIT_FSIZE, FILE_BYTES_MAX, *GUEST, "--channel", channel)
    assert done.returncode == code
    assert "no shared memory of 4 MiB" in said_in_one_line(done)


def with_limit(kind: int, limit: int, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    """A run bound by a resource limit."""
    with Pair(*arguments, preexec_fn=lambda: resource.setrlimit(kind, (limit, limit))) as pair:
        code, output, said = pair.end()
    return subprocess.CompletedProcess([], code, output, said)


def with_full_dev_shm() -> None:
    """In the child, where that is allowed: /dev/shm is one page large, and full."""
    library = ctypes.CDLL(None)
    if library.unshare(_CLONE_NEWNS) or library.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None):
        return
    if library.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, b"size=4k") == 0:
        Path("/dev/shm/full").write_bytes(bytes(4096))


@pytest.mark.parametrize("channel", ["shm", "tcp"])
def test_dev_shm_may_be_full(channel: str) -> None:
    """Nothing of a pair lies there: shared memory is anonymous."""
    with Pair("echo", "--channel", channel, stdin=subprocess.PIPE, preexec_fn=with_full_dev_shm) as pair:
        pair.read_until(BANNER)
        family = [psutil.Process(pair.process.pid), *pair.both()]
        for process in family:
            maps = Path(f"/proc/{process.pid}/maps").read_text()
            assert "/dev/shm" not in maps
            assert not [file for file in process.open_files() if file.path.startswith("/dev/shm")]
        family[1].kill()
        pair.another(family[1:])
        assert pair.process.stdin is not None
        os.write(pair.process.stdin.fileno(), b"quit\n")
        assert pair.end()[0] == 0


def test_few_descriptors() -> None:
    """At its limit of open files a run says so in one line, or does without a secondary."""
    for limit in (8, 12, 16):
        done = with_limit(resource.RLIMIT_NOFILE, limit, "hello")
        assert done.returncode in (0, 125), done.stderr.decode()
        assert b"Traceback" not in done.stderr
        assert done.returncode == 0 or len(done.stderr.splitlines()) == 1, done.stderr.decode()
