"""perf's table, in few lines."""

from __future__ import annotations

from bench.profile import parse_report

REPORT = """
    20.00%  [JIT] tid 4242       [.] 0x00007f1c1c0a1b2c   -      -
    10.50%  libunicorn.so.2      [.] helper_lookup_tb_ptr_riscv64   -      -
    15.00%  [JIT] tid 4242       [.] 0x00007f1c1c0a1b40   -      -
     0.01%  libc.so.6            [.] free
"""


def test_code_without_symbols_is_summed() -> None:
    assert parse_report(REPORT) == [
        " 35.0 % translated or compiled code (no symbol)",
        " 10.5 % libunicorn.so.2 [.] helper_lookup_tb_ptr_riscv64",
    ]
