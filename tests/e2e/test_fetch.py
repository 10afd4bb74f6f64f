"""`lockstep fetch linux` with the real apt and the machine's own mirror; QEMU boots what it brings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lockstep.catalog import apt, linux
from lockstep.catalog.errors import FetchError
from lockstep.catalog.kernel_image import read_image_header
from lockstep.catalog.manifest import are_files_intact, load_manifest

pytestmark = [pytest.mark.linux, pytest.mark.timeout(900)]

NO_NETWORK = (
    "Could not resolve",
    "Temporary failure resolving",
    "Could not connect",
    "Unable to connect",
    "Cannot initiate the connection",
    "Connection timed out",
    "Network is unreachable",
)

FETCH = """
import sys
from lockstep.catalog.linux import fetch_linux
def progress(what, fraction):
    print(what, fraction, flush=True)
fetch_linux(progress)
"""


def silent(what: str, fraction: float | None) -> None:
    pass


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that a fetch has filled."""
    if shutil.which("apt-get") is None:
        pytest.skip("apt is not installed")
    directory = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCKSTEP_CACHE", str(directory))
        try:
            linux.fetch_linux(silent)
        except FetchError as error:
            if any(sign in str(error) for sign in NO_NETWORK):
                pytest.skip(f"no network: {error}")
            raise
    return directory


@pytest.fixture
def guest(cache: Path, monkeypatch: pytest.MonkeyPatch) -> linux.LinuxGuest:
    monkeypatch.setenv("LOCKSTEP_CACHE", str(cache))
    found = linux.linux_guest()
    assert found is not None
    return found


def start_fetch(cache: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "LOCKSTEP_CACHE": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", FETCH],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_everything_is_there_and_loads_where_it_should(guest: linux.LinuxGuest, cache: Path) -> None:
    manifest = load_manifest(guest.manifest)
    assert manifest is not None
    assert are_files_intact(cache / manifest.directory, manifest.files)
    header = read_image_header(guest.kernel.read_bytes())
    assert header.text_offset_bytes == 0x20_0000
    assert header.image_bytes <= 0x200_0000, "the kernel would reach the device tree at 0x8220_0000"
    assert {"virtio_mmio", "virtio_blk", "virtio_net", "ext4"} <= set(guest.modules)
    assert linux.uboot_guest() is not None
    assert not (cache / "apt").exists()


def test_second_fetch_needs_neither_apt_nor_network(
    guest: linux.LinuxGuest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    start_s = time.monotonic()
    assert linux.fetch_linux(silent) == guest
    assert time.monotonic() - start_s < 5


@pytest.mark.parametrize("last_words", ["fetching the package lists", "downloading", "unpacking"])
def test_killed_fetch_leaves_no_guest_and_the_next_one_makes_the_same(
    guest: linux.LinuxGuest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_words: str
) -> None:
    with start_fetch(tmp_path) as killed:
        assert killed.stdout is not None
        assert any(line.startswith(last_words) for line in killed.stdout), "the fetch never got there"
        killed.kill()
    monkeypatch.setenv("LOCKSTEP_CACHE", str(tmp_path))
    assert linux.linux_guest() is None
    again = linux.fetch_linux(silent)
    assert again.manifest.read_bytes() == guest.manifest.read_bytes(), "not reproducible"
    assert again.initrd.read_bytes() == guest.initrd.read_bytes()
    assert list(tmp_path.glob("building-*")) == []


def test_two_fetches_at_once_agree(guest: linux.LinuxGuest, tmp_path: Path) -> None:
    fetches = [start_fetch(tmp_path), start_fetch(tmp_path)]
    outputs = [fetch.communicate() for fetch in fetches]
    assert [fetch.returncode for fetch in fetches] == [0, 0], outputs
    assert sum("unpacking the packages" in stdout for stdout, _ in outputs) == 1, outputs
    assert (tmp_path / "linux.json").read_bytes() == guest.manifest.read_bytes()


def test_signature_that_can_not_be_verified_ends_the_fetch(
    guest: linux.LinuxGuest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same mirror, but all that this machine trusts is an empty keyring; even if its apt is told not to
    care.
    """
    mirror = next(iter(apt.candidates(apt.machine_configuration())))[0]
    keyring, parts = tmp_path / "empty.gpg", tmp_path / "parts"
    keyring.write_bytes(b"")
    parts.mkdir()
    (parts / "debian.sources").write_text(
        f"Types: deb\nURIs: {mirror.uri}\nSuites: trixie\nComponents: main\n"
        f"Trusted: yes\nSigned-By: {keyring}\n"
    )
    configuration = tmp_path / "apt.conf"
    configuration.write_text(
        'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::trusted "/dev/null";\n'
        f'Dir::Etc::sourceparts "{parts}";\nAcquire::AllowInsecureRepositories "true";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(configuration))
    monkeypatch.setenv("LOCKSTEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(apt, "_DEBIAN_KEYRINGS", ())
    with pytest.raises(FetchError, match=r"signature of .* can't be verified") as caught:
        linux.fetch_linux(silent)
    assert "\n" not in str(caught.value)
    assert linux.linux_guest() is None
    assert list((tmp_path / "cache").glob("debs/*.deb")) == []


def boot(guest: linux.LinuxGuest, append: str, harts: int, typed: str = "") -> str:
    """What the console says after the kernel has started init, until QEMU ends by itself."""
    if shutil.which("qemu-system-riscv64") is None:
        pytest.skip("qemu-system-riscv64 is not installed")
    command = ["qemu-system-riscv64", "-machine", "virt", "-nographic", "-smp", str(harts)]
    command += ["-m", f"{guest.memory_min_bytes >> 20}M", "-bios", str(guest.firmware)]
    command += [
        "-kernel",
        str(guest.kernel),
        "-initrd",
        str(guest.initrd),
        "-append",
        f"{guest.append} {append}",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        console = b""
        while chunk := process.stdout.read1(4096):
            console += chunk
            if typed and console.endswith(b"# \x1b[6n"):
                process.stdin.write(typed.encode())
                process.stdin.flush()
                typed = ""
    text = console.decode(errors="replace").replace("\r", "")
    assert "reboot: Power down" in text, text[-2000:]
    return text.partition("Run /init as init process")[2]


BOOTS: dict[str, tuple[str, int, Callable[[linux.LinuxGuest], str]]] = {
    "uname": ("run=/bin/uname+-sr", 1, lambda guest: f"Linux {kernel_release(guest)}"),
    "nproc": ("run=/bin/nproc", 4, lambda guest: "4"),
    "quoted": ('run="echo a+b; echo c"', 1, lambda guest: "a+b\nc"),
    "all output": ("run=seq+400", 8, lambda guest: "\n".join(str(number) for number in range(1, 401))),
}


def kernel_release(guest: linux.LinuxGuest) -> str:
    return next(name for name in guest.versions if name.startswith("linux-image-")).removeprefix(
        "linux-image-"
    )


@pytest.mark.parametrize("name", BOOTS)
def test_run_argument_runs_a_command_and_powers_off(guest: linux.LinuxGuest, name: str) -> None:
    append, harts, expected = BOOTS[name]
    console = boot(guest, append, harts)
    said = [line for line in console.splitlines() if line and not line.startswith("[")]
    assert "\n".join(said) == expected(guest)


def test_without_it_there_is_a_shell_and_its_end_powers_off(guest: linux.LinuxGuest) -> None:
    console = boot(guest, "", 1, typed="tty; echo $((6 * 7)); sleep 1000 & kill %1; exit\n")
    assert "\n/dev/ttyS0\n42\n" in console
    assert "can't access tty" not in console
