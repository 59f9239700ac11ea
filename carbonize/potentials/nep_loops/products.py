"""Products of small matrices, in tiles that stay in a processor's registers.

numba's pipeline does not join single numbers to vectors (LLVM's SLP vectoriser is off), so these are written down
as LLVM calls them: one function for each precision, for arrays of any strides, that is not inlined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from carbonize.potentials.nep_loops.layout import LANES

__all__ = ["dots", "multiply"]

_WORD = ir.IntType(64)
_BYTES = ir.IntType(8).as_pointer()
_TILES = ((2 * LANES, 3), (LANES, 4))
"""Columns and rows of a tile: as many as there are registers for."""


def _vector(real: Any, lanes: int) -> Any:
    return ir.VectorType(real, lanes)


def _at(builder: Any, start: Any, offset: Any, kind: Any) -> Any:
    return builder.bitcast(builder.gep(start, [offset]), kind.as_pointer())


def _fma(module: Any, kind: Any, size: int) -> Any:
    name = f"llvm.fma.v{kind.count}f{8 * size}"
    return cgutils.get_or_insert_function(module, ir.FunctionType(kind, [kind] * 3), name)


def _helper(
    module: Any, name: str, arguments: Sequence[Any], write: Callable[[Any, Sequence[Any]], None]
) -> Any:
    """A function of its own in the module, written by ``write`` if it is not there yet."""
    function = cgutils.get_or_insert_function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    if function.is_declaration:
        function.linkage = "internal"
        function.attributes.add("noinline")
        builder = ir.IRBuilder(function.append_basic_block())
        write(builder, function.args)
        builder.ret_void()
    return function


def _tile(
    builder: Any, real: Any, size: int, given: Sequence[Any], rows: Sequence[Any], column: Any, lanes: int
) -> None:
    """out[row, column:column + lanes] = left[row] @ right for each of ``rows``."""
    left, along, across, right, right_along, out, out_along, inner = given
    kind, whole = _vector(real, lanes), ir.IntType(32)
    nothing = ir.Constant(kind, ir.Undefined)
    everywhere = ir.Constant(_vector(whole, lanes), [0] * lanes)
    fma = _fma(builder.module, kind, size)
    zero = ir.Constant(kind, [0.0] * lanes)
    sums = [cgutils.alloca_once(builder, kind) for _ in rows]
    for total in sums:
        builder.store(zero, total)
    place = builder.mul(column, _WORD(size))
    with cgutils.for_range(builder, inner) as loop:
        values = builder.load(
            _at(builder, right, builder.add(builder.mul(loop.index, right_along), place), kind), align=size
        )
        for total, row in zip(sums, rows, strict=True):
            offset = builder.add(builder.mul(row, along), builder.mul(loop.index, across))
            factor = builder.load(_at(builder, left, offset, real))
            first = builder.insert_element(nothing, factor, ir.Constant(whole, 0))
            factors = builder.shuffle_vector(first, nothing, everywhere)
            builder.store(builder.call(fma, [factors, values, builder.load(total)]), total)
    for total, row in zip(sums, rows, strict=True):
        offset = builder.add(builder.mul(row, out_along), place)
        builder.store(builder.load(total), _at(builder, out, offset, kind), align=size)


def _write_product(real: Any, size: int) -> Callable[[Any, Sequence[Any]], None]:
    def write(builder: Any, arguments: Sequence[Any]) -> None:
        *given, rows, inner, columns = arguments
        last = builder.sub(rows, _WORD(1))
        done = _WORD(0)
        for lanes, height in _TILES:
            end = builder.mul(builder.udiv(columns, _WORD(lanes)), _WORD(lanes))
            with cgutils.for_range_slice(builder, _WORD(0), rows, _WORD(height), _WORD) as (row, _):
                chosen = [row]
                for k in range(1, height):
                    next_row = builder.add(row, _WORD(k))
                    within = builder.icmp_signed("<", next_row, last)
                    chosen.append(builder.select(within, next_row, last))
                with cgutils.for_range_slice(builder, done, end, _WORD(lanes), _WORD) as (column, _):
                    _tile(builder, real, size, [*given, inner], chosen, column, lanes)
            done = end

    return write


def _unpacked(
    context: Any, builder: Any, signature: Any, arguments: Sequence[Any]
) -> tuple[list[Any], Any, int]:
    """The arrays that an intrinsic was given, the type of their numbers and its size in bytes."""
    arrays = [
        context.make_array(kind)(context, builder, value)
        for kind, value in zip(signature.args, arguments, strict=True)
    ]
    real = context.get_data_type(signature.args[-1].dtype)
    return arrays, real, context.get_abi_sizeof(real)


def _of_multiply(typing_context: Any, left: Any, right: Any, out: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays, real, size = _unpacked(context, builder, signature, arguments)
        strides = [cgutils.unpack_tuple(builder, array.strides) for array in arrays]
        starts = [builder.bitcast(array.data, _BYTES) for array in arrays]
        rows, inner = cgutils.unpack_tuple(builder, arrays[0].shape)
        columns = cgutils.unpack_tuple(builder, arrays[2].shape)[1]
        kinds = [_BYTES, _WORD, _WORD, _BYTES, _WORD, _BYTES, _WORD, _WORD, _WORD, _WORD]
        helper = _helper(builder.module, f"carbonize_product_f{8 * size}", kinds, _write_product(real, size))
        builder.call(
            helper,
            [
                *(starts[0], *strides[0], starts[1], strides[1][0], starts[2], strides[2][0]),
                *(rows, inner, columns),
            ],
        )
        return context.get_dummy_value()

    return types.void(left, right, out), code


multiply: Any = intrinsic(_of_multiply)
"""out = left @ right, all of two axes; ``right`` and ``out`` have whole tiles of columns, one after the other."""


def _write_dots(real: Any, size: int) -> Callable[[Any, Sequence[Any]], None]:
    def write(builder: Any, arguments: Sequence[Any]) -> None:
        a, a_along, b, b_along, out, rows, columns = arguments
        kind, whole = _vector(real, LANES), ir.IntType(32)
        fma = _fma(builder.module, kind, size)
        total = cgutils.alloca_once(builder, kind)
        with cgutils.for_range(builder, rows) as loop:
            builder.store(ir.Constant(kind, [0.0] * LANES), total)
            with cgutils.for_range_slice(builder, _WORD(0), columns, _WORD(LANES), _WORD) as (column, _):
                place = builder.mul(column, _WORD(size))
                u, v = (
                    builder.load(
                        _at(builder, start, builder.add(builder.mul(loop.index, along), place), kind),
                        align=size,
                    )
                    for start, along in ((a, a_along), (b, b_along))
                )
                builder.store(builder.call(fma, [u, v, builder.load(total)]), total)
            rest = builder.load(total)
            for half in (4, 2, 1):
                nothing = ir.Constant(rest.type, ir.Undefined)
                low, high = (
                    builder.shuffle_vector(
                        rest, nothing, ir.Constant(_vector(whole, half), list(range(k, k + half)))
                    )
                    for k in (0, half)
                )
                rest = builder.fadd(low, high)
            found = builder.extract_element(rest, ir.Constant(whole, 0))
            builder.store(found, _at(builder, out, builder.mul(loop.index, _WORD(size)), real))

    return write


def _of_dots(typing_context: Any, a: Any, b: Any, out: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays, real, size = _unpacked(context, builder, signature, arguments)
        starts = [builder.bitcast(array.data, _BYTES) for array in arrays]
        along = [cgutils.unpack_tuple(builder, array.strides)[0] for array in arrays]
        rows, columns = cgutils.unpack_tuple(builder, arrays[0].shape)
        kinds = [_BYTES, _WORD, _BYTES, _WORD, _BYTES, _WORD, _WORD]
        helper = _helper(builder.module, f"carbonize_dots_f{8 * size}", kinds, _write_dots(real, size))
        builder.call(helper, [starts[0], along[0], starts[1], along[1], starts[2], rows, columns])
        return context.get_dummy_value()

    return types.void(a, b, out), code


dots: Any = intrinsic(_of_dots)
"""out[k] = a[k] . b[k], of rows of whole tiles."""
