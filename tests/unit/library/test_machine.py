"""A script's machine, as a script uses it."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from lockstep import Machine, Stop, diff
from lockstep.errors import GuestError, InternalError, LockstepError, UsageError

ADDI, ADD, COMPRESSED_LI, ECALL, SPIN = 0x00150513, 0x00B50533, 0x4585, 0x73, 0x0000006F
"""addi a0, a0, 1; add a0, a0, a1; c.li a1, 1; ecall; j ."""
CODE = b"".join(
    bits.to_bytes(size, "little") for bits, size in [(ADDI, 4), (COMPRESSED_LI, 2), (ADD, 4), (SPIN, 4)]
)
RAM = 0x8000_0000
SCALE = "rounds=1"


def spinning(**options: object) -> Machine:
    return Machine(CODE, memory="1M", **options)  # type: ignore[arg-type]


def test_steps_and_shows_where_it_is() -> None:
    machine = spinning()
    assert (machine.icount, machine.pc, machine.exit_code, machine.hart) == (0, RAM, None, 0)
    assert [str(one) for one in machine.disassemble(count=2)] == [
        "0x80000000: 00150513 addi a0, a0, 1",
        "0x80000004: 4585 c.li a1, 1",
    ]
    assert machine.step() is Stop.ICOUNT
    assert machine.step(2) == "icount"
    assert (machine.icount, machine.pc, machine.reg_read("a0"), machine.reg_read("x11")) == (
        3,
        RAM + 10,
        2,
        1,
    )
    assert machine.step(0) == "icount"
    assert repr(machine) == "<Machine guest: icount 3, pc 0x8000000a>"


def test_bounds() -> None:
    machine = spinning()
    assert machine.run(max_icount=1000) == "icount"
    assert machine.icount == 1000
    assert machine.run(timeout_s=0.01) == "timeout"
    assert machine.icount > 1000
    with pytest.raises(UsageError, match="has passed"):
        machine.run_until(icount=10)
    with pytest.raises(UsageError, match="go back"):
        machine.step(-1)


def test_to_a_symbol_and_to_the_end() -> None:
    machine = Machine("hello")
    assert machine.run_until(pc="main") == "breakpoint"
    assert machine.pc == machine.symbols["main"] == machine.address_of("main")
    assert machine.symbol_at(machine.pc) == "main"
    assert machine.symbol_at(machine.pc + 2) == "main+0x2"
    assert machine.symbol_at(0x10) is None
    assert repr(machine).endswith("<main>>")
    assert machine.run_until(pc="main") == "poweroff"
    assert (machine.console, machine.exit_code) == (b"Hello from lockstep\n", 0)
    assert machine.run() == machine.step() == "poweroff"
    with pytest.raises(UsageError, match="no symbol 'nowhere'"):
        machine.run_until(pc="nowhere")


def test_breakpoints_stay_until_they_are_removed() -> None:
    machine = Machine("compute", append="scale=1 rounds=2")
    assert machine.add_breakpoint("crc32_phase") == machine.symbols["crc32_phase"]
    machine.add_breakpoint(machine.symbols["division_phase"])
    seen = []
    while machine.run() == "breakpoint":
        seen.append(machine.symbol_at(machine.pc))
        if len(seen) == 3:
            machine.remove_breakpoint("division_phase")
            assert machine.breakpoints == {machine.symbols["crc32_phase"]}
    assert seen[:3] == ["crc32_phase", "division_phase", "crc32_phase"]
    assert set(seen[3:]) <= {"crc32_phase"}


def test_several_addresses_at_once() -> None:
    machine = Machine("compute", append="scale=1 rounds=1")
    assert machine.run_until(pc=["main", "finish"]) == "breakpoint"
    assert machine.symbol_at(machine.pc) == "main"
    assert machine.run_until(pc=["main", "finish"]) == "breakpoint"
    assert machine.symbol_at(machine.pc) == "finish"


def test_an_interactive_guest() -> None:
    machine = Machine("echo")
    assert machine.run() == "idle"
    machine.type("abc\n")
    assert machine.run_until(console="cba") == "console"
    machine.type(b"quit\n")
    assert machine.run_until(console="never") == "poweroff"
    with pytest.raises(UsageError, match="65"):
        machine.type(bytes(100_000))


def test_the_console_is_stopped_at_right_there() -> None:
    machine = Machine("compute", append=SCALE)
    assert machine.run_until(console=b"mergesort") == "console"
    assert machine.console.endswith(b"mergesort")


def test_input_from_the_start() -> None:
    machine = Machine("echo", input=b"one\nquit\n")
    assert machine.run() == "poweroff"
    assert b"eno" in machine.console


def test_the_host_clock() -> None:
    machine = Machine("timer", append="seconds=0", clock="host")
    assert machine.run(timeout_s=30) == "poweroff"
    typed = Machine("echo", clock="host", input=b"abc\nquit\n")
    assert typed.run(timeout_s=30) == "poweroff"
    assert b"cba" in typed.console
    waiting = Machine("echo", clock="host")
    assert waiting.run(timeout_s=30) == "idle"
    waiting.type("quit\n")
    assert waiting.run(timeout_s=30) == "poweroff"


def test_registers_by_all_their_names() -> None:
    machine = spinning(harts=2)
    for name, value in [
        ("a3", 7),
        ("x13", 8),
        ("fa0", 1 << 63),
        ("mscratch", 9),
        ("mstatus", 1 << 3),
        ("pc", RAM + 4),
    ]:
        machine.reg_write(name, value)
        assert machine.reg_read(name) == value
    machine.reg_write("t0", -1, hart=1)
    assert machine.reg_read("x5", hart=1) == (1 << 64) - 1
    assert machine.reg_read("x5") == 0
    assert machine.registers(hart=1)["x5"] == (1 << 64) - 1
    assert machine.registers()["x13"] == 8
    assert machine.reg_read("mhartid", hart=1) == 1
    machine.reg_write("fflags", 3)
    machine.reg_write("frm", 2)
    assert machine.reg_read("fcsr") == 0x43
    assert machine.reg_read("sstatus") == 2 << 32
    machine.step()
    assert machine.reg_read("instret") == machine.reg_read("minstret") == 1
    assert machine.reg_read("time") == 0


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("x0", 1, "wired to zero"),
        ("x32", 1, "no register"),
        ("sstatus", 1, "only shows"),
        ("a0", 1 << 64, "64 bits"),
    ],
)
def test_registers_that_cant_be_written(name: str, value: int, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        spinning().reg_write(name, value)


def test_harts_that_arent_there() -> None:
    with pytest.raises(UsageError, match="no hart 1: give 0 to 0"):
        spinning().reg_read("a0", hart=1)


def test_code_that_is_written_runs() -> None:
    machine = spinning()
    machine.step(5)
    before = machine.reg_read("a0")
    machine.mem_write(machine.pc, ADDI.to_bytes(4, "little") + SPIN.to_bytes(4, "little"))
    machine.step(3)
    assert machine.reg_read("a0") == before + 1
    assert machine.mem_read(RAM + 10, 4) == ADDI.to_bytes(4, "little")


def test_memory_that_isnt_there() -> None:
    machine = spinning()
    for address, size in [(0x1000_0000, 1), (RAM - 1, 2), (RAM + (1 << 20) - 1, 2), (1 << 70, 1)]:
        with pytest.raises(UsageError, match="isn't RAM"):
            machine.mem_read(address, size)
    with pytest.raises(UsageError, match="isn't RAM"):
        machine.mem_write(RAM + (1 << 20) - 1, b"ab")
    assert machine.mem_read(RAM + (1 << 20) - 1, 1) == b"\0"
    assert machine.mem_read(RAM, 0) == b""


def test_virtual_addresses() -> None:
    machine = Machine("paging")
    while machine.reg_read("satp") == 0:
        assert machine.run(max_icount=machine.icount + 20_000) == "icount"
    while machine.translate(machine.pc) == machine.pc:
        assert machine.run(max_icount=machine.icount + 1000) == "icount"
    physical = machine.translate(machine.pc)
    assert physical is not None
    assert machine.mem_read(machine.pc, 2, virtual=True) == machine.mem_read(physical, 2)
    assert machine.disassemble()[0].code[:2] == machine.mem_read(physical, 2)
    assert machine.translate(0x7_0000_0000) is None
    with pytest.raises(UsageError, match="leads nowhere"):
        machine.mem_read(0x7_0000_0000, 1, virtual=True)


def test_snapshot_restore_copy_and_file(tmp_path: Path) -> None:
    machine = Machine("compute", append=SCALE)
    machine.run_until(pc="crc32_phase")
    snapshot, console = machine.snapshot(), machine.console
    twin = machine.copy()
    machine.save(tmp_path / "kept")
    assert machine.run() == "poweroff"
    end = (machine.icount, machine.digest(), machine.console)
    for other in (twin, Machine.load(tmp_path / "kept"), machine):
        if other is machine:
            machine.restore(snapshot)
        assert (other.icount, other.pc, other.console) == (snapshot.icount, snapshot.pc, console)
        assert other.symbol_at(other.pc) == "crc32_phase"
        assert other.run() == "poweroff"
        assert (other.icount, other.digest(), other.console) == end
    assert "icount" in repr(snapshot)
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o666 & ~mask


def test_files_that_hold_no_machine(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    machine = spinning()
    machine.save(path)
    whole = path.read_bytes()
    for content, why in [
        (b"", "isn't a saved"),
        (b"ELF", "isn't a saved"),
        (whole[:-9], "damaged"),
        (whole[:99] + b"x" + whole[100:], "damaged"),
    ]:
        path.write_bytes(content)
        with pytest.raises(UsageError, match=why):
            Machine.load(path)
    with pytest.raises(UsageError, match="can't be read"):
        Machine.load(tmp_path / "nothing")
    with pytest.raises(InternalError, match="can't be written"):
        machine.save(tmp_path / "nowhere" / "kept")
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]


def test_another_layout_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lockstep.library.snapshot._LAYOUT", "other")
    spinning().save(tmp_path / "kept")
    monkeypatch.undo()
    with pytest.raises(UsageError, match="save it again"):
        Machine.load(tmp_path / "kept")


def test_a_snapshot_of_another_size() -> None:
    with pytest.raises(UsageError, match="another size"):
        spinning().restore(Machine(CODE, memory="2M").snapshot())


def test_differences() -> None:
    left, right = spinning(), spinning()
    assert not diff(left, right)
    assert str(left.diff(right)) == "the machines are equal"
    right.reg_write("a3", 5)
    right.reg_write("mepc", 2)
    right.mem_write(RAM + 0x1004, b"12345678")
    found = left.diff(right)
    assert [(one.name, one.left, one.right) for one in found.registers] == [("x13", 0, 5), ("mepc", 0, 2)]
    assert [(one.address, one.end) for one in found.memory] == [(RAM + 0x1000, RAM + 0x1010)]
    assert str(found).splitlines() == [
        "hart 0 x13/a3: 0x0 | 0x5",
        "hart 0 mepc: 0x0 | 0x2",
        "RAM 0x80001000, 16 bytes: 00000000000000000000000000000000 | 00000000313233343536373800000000",
    ]
    right.step()
    assert "position" in {one.name for one in left.diff(right).devices}
    with pytest.raises(UsageError, match="different size"):
        diff(left, Machine(CODE, memory="2M"))
    with pytest.raises(UsageError, match="no machine"):
        diff(left, "right")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"guest": "nothing-of-that-name"}, GuestError),
        ({"guest": b""}, GuestError),
        ({}, UsageError),
        ({"guest": CODE, "memory": "7"}, GuestError),
        ({"guest": CODE, "memory": 5}, UsageError),
        ({"guest": CODE, "harts": 9}, UsageError),
        ({"guest": CODE, "clock": "sundial"}, UsageError),
        ({"guest": CODE, "kernel": CODE}, UsageError),
    ],
)
def test_machines_that_cant_be(arguments: dict[str, object], error: type[LockstepError]) -> None:
    if arguments.get("memory") == "7":
        arguments = {"guest": bytes(8 << 20), "memory": "7"}
    with pytest.raises(error) as raised:
        Machine(**arguments)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_an_interrupted_run_goes_on() -> None:
    def build() -> Machine:
        return Machine("compute", append=SCALE)

    straight = build()
    straight.run(max_icount=400_000_000)
    machine = build()

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        for _ in range(2):
            timer = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGUSR1))
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                machine.run()
            timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert 0 < machine.icount < straight.icount
    machine.run(max_icount=400_000_000)
    assert (machine.digest(), machine.console) == (straight.digest(), straight.console)
