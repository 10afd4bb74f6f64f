"""`lockstep demo` shows what it says, and checks it."""

from __future__ import annotations

import pytest
from command import lockstep


@pytest.mark.timeout(200)
def test_demo() -> None:
    done = lockstep("demo", timeout_s=180)
    said = [line for line in done.stderr.decode().splitlines() if "compiling native code" not in line]
    assert done.returncode == 0, said
    assert len(said) == 6
    assert "the secondary went live at instruction" in said[3]
    assert "the guest couldn't tell" in said[-1]
    digests = [line.rsplit("digest ", 1)[1] for line in said if "digest " in line and "alone" not in line][:2]
    assert len(set(digests)) == 1
    assert done.stdout.splitlines()[-1].startswith(b"timer: done")
