"""`lockstep demo` shows what it says, and checks it."""

from __future__ import annotations

import shutil

import pytest
from command import REPOSITORY, lockstep
from documents import assert_as_shown, read_document


@pytest.mark.timeout(200)
def test_demo_of_a_bundled_guest() -> None:
    done = lockstep("demo", "timer", timeout_s=180)
    said = [line for line in done.stderr.decode().splitlines() if "compiling native code" not in line]
    assert done.returncode == 0, said
    assert len(said) == 6
    assert "the secondary went live at instruction" in said[3]
    assert "the guest couldn't tell" in said[-1]
    digests = [line.rsplit("digest ", 1)[1] for line in said if "digest " in line and "alone" not in line][:2]
    assert len(set(digests)) == 1
    assert done.stdout.splitlines()[-1].startswith(b"timer: done")


@pytest.mark.linux
@pytest.mark.timeout(300)
def test_demo_of_linux() -> None:
    done = lockstep("demo", "linux", timeout_s=280)
    said = done.stderr.decode()
    assert done.returncode == 0, said
    if shutil.which("passt") is None:
        assert "without a download" in said
        pytest.skip("passt is not installed: the rest of the demo isn't what README.md shows")
    (shown,) = (one for one in read_document(REPOSITORY / "README.md").commands if one.line == "make demo")
    assert_as_shown(shown, [done.stdout.decode(), said])
    lines = [line for line in done.stdout.splitlines() if line.isdigit()]
    assert lines == [b"%d" % number for number in range(1, len(lines) + 1)]


def test_an_unknown_demo_is_refused() -> None:
    done = lockstep("demo", "windows")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().count("\n") == 1
