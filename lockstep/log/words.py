"""Plain (not atomic) access to memory by address, for nopython code of the log."""

from __future__ import annotations

from typing import Any

from lockstep.native import inline, int64, intrinsic, ir, pointer, void


@intrinsic
def _load_word(typing_context: Any, address: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = arguments[0].type
        return builder.load(builder.inttoptr(arguments[0], word.as_pointer()), align=1)

    return int64(int64), emit


@intrinsic
def _store_word(typing_context: Any, address: Any, value: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = arguments[0].type
        builder.store(arguments[1], builder.inttoptr(arguments[0], word.as_pointer()), align=1)
        return context.get_dummy_value()

    return void(int64, int64), emit


@intrinsic
def _load_byte(typing_context: Any, address: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = builder.load(builder.inttoptr(arguments[0], context.get_value_type(pointer)))
        return builder.zext(byte, arguments[0].type)

    return int64(int64), emit


@intrinsic
def _store_byte(typing_context: Any, address: Any, value: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8)
        target = builder.inttoptr(arguments[0], byte.as_pointer())
        builder.store(builder.trunc(arguments[1], byte), target)
        return context.get_dummy_value()

    return void(int64, int64), emit


@intrinsic
def _compare_exchange(typing_context: Any, address: Any, expected: Any, value: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target = builder.inttoptr(arguments[0], arguments[0].type.as_pointer())
        found = builder.cmpxchg(target, arguments[1], arguments[2], "seq_cst", "acquire")
        return builder.extract_value(found, 0)

    return int64(int64, int64, int64), emit


@inline
def load_word(address: int) -> int:
    """Load the int64 at `address`, which needs no alignment."""
    word: int = _load_word(address)
    return word


@inline
def store_word(address: int, value: int) -> None:
    """Store int64 `value` at `address`, which needs no alignment."""
    _store_word(address, value)


@inline
def load_byte(address: int) -> int:
    """Load the byte at `address`, 0..255."""
    byte: int = _load_byte(address)
    return byte


@inline
def store_byte(address: int, value: int) -> None:
    """Store the low byte of `value` at `address`."""
    _store_byte(address, value)


@inline
def compare_exchange(address: int, expected: int, value: int) -> int:
    """Atomically store `value` at `address` if `expected` is there; returns what was there."""
    found: int = _compare_exchange(address, expected, value)
    return found
