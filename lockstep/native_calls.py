"""Calls of C functions by address from nopython code: what a ctypes global can't do in cached code."""

from __future__ import annotations

from typing import Any

from lockstep.native import int64, intrinsic, ir, void


def _call(context: Any, builder: Any, signature: Any, values: Any, result: Any) -> Any:
    types = signature.args[1]
    words = [
        context.cast(builder, builder.extract_value(values[1], index), types[index], int64)
        for index in range(len(types))
    ]
    function = ir.FunctionType(result, [ir.IntType(64)] * len(words))
    return builder.call(builder.inttoptr(values[0], function.as_pointer()), words)


@intrinsic
def call_void(typing_context: Any, function: Any, arguments: Any) -> Any:
    """Call the C function at address `function` with a tuple of integers, each widened to 64 bits; no result."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _call(context, builder, signature, values, ir.VoidType())
        return context.get_dummy_value()

    return void(int64, arguments), emit


@intrinsic
def call_int32(typing_context: Any, function: Any, arguments: Any) -> Any:
    """As `call_void`, of a function that returns a C int."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.sext(_call(context, builder, signature, values, ir.IntType(32)), ir.IntType(64))

    return int64(int64, arguments), emit


@intrinsic
def call_int64(typing_context: Any, function: Any, arguments: Any) -> Any:
    """As `call_void`, of a function that returns 64 bits."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _call(context, builder, signature, values, ir.IntType(64))

    return int64(int64, arguments), emit
