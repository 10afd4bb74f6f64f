"""The block hook's fast path, emitted as machine code: five instructions for each block that runs.

    new = position + block.length
    if new > deadline: call the slow path (also where length is UNKNOWN, which is larger than any deadline)
    position = new; control.block = block

libunicorn calls it directly from translated code. It is made by LLVM for the addresses of one hart, because a
Numba callback would cost more than the blocks that it counts.
"""

from __future__ import annotations

import llvmlite.binding as llvm

_IR = """
declare void @slow(i64, i64, i64, i64)

define void @block_hook(ptr %engine, i64 %pc, i32 %size, ptr %block) {{
  %position_address = inttoptr i64 {position} to ptr
  %deadline_address = inttoptr i64 {deadline} to ptr
  %in_flight_address = inttoptr i64 {in_flight} to ptr
  %position = load i64, ptr %position_address
  %length = load i64, ptr %block
  %new = add i64 %position, %length
  %deadline = load atomic i64, ptr %deadline_address monotonic, align 8
  %is_due = icmp sgt i64 %new, %deadline
  %record = ptrtoint ptr %block to i64
  br i1 %is_due, label %due, label %plain, !prof !0
plain:
  store i64 %new, ptr %position_address
  store i64 %record, ptr %in_flight_address
  ret void
due:
  %wide_size = zext i32 %size to i64
  %slow = inttoptr i64 {slow} to ptr
  tail call void %slow(i64 {wiring}, i64 %pc, i64 %wide_size, i64 %record)
  ret void
}}

!0 = !{{!"branch_weights", i32 1, i32 1000}}
"""


class Shim:
    """The compiled block hook of one hart; keep it alive as long as the engine."""

    def __init__(self, position: int, deadline: int, in_flight: int, slow: int, wiring: int) -> None:
        """Compile for these host addresses: three int64 words, the slow path, the hart's WIRING."""
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        source = _IR.format(
            position=position, deadline=deadline, in_flight=in_flight, slow=slow, wiring=wiring
        )
        machine = llvm.Target.from_default_triple().create_target_machine(opt=3)
        self._compiler = llvm.create_mcjit_compiler(llvm.parse_assembly(source), machine)
        self._compiler.finalize_object()
        self.address: int = self._compiler.get_function_address("block_hook")
