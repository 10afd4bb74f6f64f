"""Native code out of an image: what `lockstep.native` offers where that is at hand. Nothing is compiled here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from lockstep.errors import InternalError
from lockstep.native_cache import NATIVE_CACHE
from lockstep.native_image import IMAGE, c_function, load


@dataclasses.dataclass(frozen=True)
class Signature:
    """Types of a C function's result and arguments, by name."""

    types: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class NativeType:
    """A C type by its name. Called with types of arguments, it gives the signature of a function that returns it."""

    name: str

    def __call__(self, *arguments: NativeType) -> Signature:
        """The signature."""
        return Signature((self.name, *(argument.name for argument in arguments)))


int64 = NativeType("int64")
int32 = NativeType("int32")
boolean = NativeType("bool")
pointer = NativeType("voidptr")
void = NativeType("none")

ir: Any = None
cgutils: Any = None
types: Any = None
carray: Any = None
"""These four are named in bodies of nopython functions and intrinsics, which don't run here."""


class NopythonFunction:
    """Stands for a function that is there for native code only."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Stand for `function`."""
        self.__name__, self.__doc__ = function.__name__, function.__doc__

    def __call__(self, *arguments: object) -> Any:
        """Python can't."""
        raise InternalError(f"{self.__name__} is native code that Python can't call: it isn't exported")


def nopython(function: Callable[..., Any]) -> Any:
    """The function was compiled into what calls it."""
    return NopythonFunction(function)


inline = intrinsic = nopython


@dataclasses.dataclass(frozen=True)
class Callback:
    """A C function; `address` is what native code calls."""

    address: int


_addresses = load(IMAGE) if IMAGE is not None else {}


def _address_of(function: Callable[..., Any]) -> int:
    name = f"{function.__module__}.{function.__name__}"
    address = _addresses.get(name)
    if not address:
        raise InternalError(
            f"{name} is missing from the compiled code in {NATIVE_CACHE}: remove that directory"
        )
    return address


def callback(signature: Signature) -> Callable[[Callable[..., Any]], Callback]:
    """The C function that was made of the function."""
    return lambda function: Callback(_address_of(function))


def exported(
    signature: Signature, *, releases_gil: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The C function that was made of the function, for Python to call."""
    return lambda function: c_function(_address_of(function), signature.types, releases_gil=releases_gil)


def save_image() -> None:
    """It is there already."""
