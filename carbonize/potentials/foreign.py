"""Kernels written as loops, compiled by numba and called from compiled JAX programs on a processor.

XLA calls a foreign function with the address of a record that tells where arguments and results lie
(the C interface of ``xla/ffi/api/c_api.h``, fixed by XLA for at least twelve months a version). The
record is read here, so that a kernel needs neither a C compiler nor Python's interpreter: it runs
inside the compiled program, on the thread of its device.

    CallFrame  size, extension, api, context, stage, (size, extension, n, types, args),
               (size, extension, n, types, results), ...
    Buffer     size, extension, type, data, rank, shape

each entry one word of 64 bits, types and stages the low half of theirs.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic
from numba.np.numpy_support import carray

if TYPE_CHECKING:
    from jax import Array
    from jax.typing import DTypeLike

    from carbonize.potentials.base import Bonds

__all__ = ["HANDLER", "argument", "bond_arrays", "compiled", "is_call", "register", "result", "target"]

HANDLER = types.int64(types.int64)
"""Type of a handler: address of the call's record, to an error's (0: none)."""

_OPTIONS: dict[str, Any] = {
    "error_model": "numpy",
    "cache": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
compiled = numba.njit(**_OPTIONS)
"""Decorator of the functions that handlers are made of. No fast-math: vectorised loops and their last, single
rounds must agree to the last bit. Python's way in is left out, which takes a sixth of the time to compile: what is
compiled so can only be called by what is."""

_compiling = threading.Lock()
_registered: set[str] = set()

_METADATA = 1
_EXECUTE = 3
_VERSION = (0, 1)
_WORDS_OF_FRAME = 15
_N_ARGUMENTS, _ARGUMENTS, _RESULTS = 7, 9, 14


def _as_pointer(typing_context: Any, address: Any) -> Any:
    """An address as a pointer that ``carray`` takes."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.voidptr(types.int64), code


_pointer: Any = intrinsic(_as_pointer)


@numba.njit(error_model="numpy")
def _words(address: int, count: int) -> np.ndarray:
    return carray(_pointer(address), (count,), np.int64)


@numba.njit(error_model="numpy")
def is_call(address: int) -> bool:
    """Whether the kernel is to be executed; answers XLA's question for the handler's version."""
    frame = _words(address, _WORDS_OF_FRAME)
    if frame[1] != 0:
        extension = _words(frame[1], 4)
        if extension[1] & 0xFFFFFFFF == _METADATA:
            metadata = _words(extension[3], 5)
            metadata[3] = _VERSION[0] + (_VERSION[1] << 32)
            metadata[4] = metadata[4] >> 32 << 32  # no traits
            return False
    return frame[4] & 0xFFFFFFFF == _EXECUTE


@numba.njit(error_model="numpy")
def argument(address: int, place: int) -> tuple[Any, tuple[int, int]]:
    """Where an argument of one or two dimensions lies, and its shape (1 in front for a vector)."""
    return _buffer(_words(_words(address, _WORDS_OF_FRAME)[_ARGUMENTS], place + 1)[place])


@numba.njit(error_model="numpy")
def result(address: int, place: int) -> tuple[Any, tuple[int, int]]:
    """The same of a result."""
    return _buffer(_words(_words(address, _WORDS_OF_FRAME)[_RESULTS], place + 1)[place])


@numba.njit(error_model="numpy")
def _buffer(address: int) -> tuple[Any, tuple[int, int]]:
    record = _words(address, 6)
    rank = record[4]
    shape: Any = _words(record[5], rank)
    rows = shape[0] if rank > 1 else 1
    return _pointer(record[3]), (rows, shape[rank - 1])


def bond_arrays(
    bonds: Bonds, vector_dtype: DTypeLike, list_dtype: DTypeLike
) -> tuple[tuple[Array, Array, Array], tuple[Array, Array, Array]]:
    """What a kernel makes bond vectors of: x, y and z, or shifts, positions and rows of cells; the others are empty."""
    import jax.numpy as jnp

    lists, atoms = bonds.lists, bonds.index.shape[1]
    if lists is None:
        none = jnp.zeros((3, 3), list_dtype)
        return (bonds.x, bonds.y, bonds.z), (jnp.zeros((3, 1), jnp.int8), none, none)
    none = jnp.zeros((1, 1), vector_dtype)
    positions, cells = lists.positions.astype(list_dtype), lists.cells.astype(list_dtype)
    return (none, none, none), (lists.shift.reshape(-1, atoms), positions, cells.reshape(-1, 3))


def register(name: str, handler: Any) -> None:
    """Make a compiled handler (``numba.cfunc`` of :data:`HANDLER`) known to JAX under ``name``, for processors."""
    import jax

    make = ctypes.pythonapi.PyCapsule_New
    make.restype = ctypes.py_object
    make.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    jax.ffi.register_ffi_target(name, make(handler.address, None, None), platform="cpu")


def target(name: str, handlers: Mapping[tuple[str, ...], Callable[[int], int]], *dtypes: str) -> str:
    """Name under which JAX knows the handler for some types.

    It is compiled when first asked for: each takes seconds, and most runs need one or none. Handlers are functions of a
    module, since numba keeps what it compiled for these only.
    """
    full = "_".join((name, *dtypes))
    # programs for several cores are traced in threads of their own, and a name is registered once
    with _compiling:
        if full not in _registered:
            compiled = numba.cfunc(HANDLER, error_model="numpy", cache=True)
            register(full, compiled(handlers[dtypes]))
            _registered.add(full)
    return full
