"""Random numbers for a thermostat: those of ``jax.random``, in one piece of straight code.

JAX's generator is Threefry-2x32 with 20 rounds (Salmon et al., SC'11, doi 10.1145/2063384.2063405). On a
processor it is compiled as a loop, which keeps programs small but costs a tenth of a step of Tersoff
carbon. The functions here return the same numbers to the last bit, for keys of the raw kind.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, UInt32

from carbonize.potentials.slots import barrier

__all__ = ["normals", "split"]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_FIRST_ABOVE_MINUS_ONE = -0.99999994


def split(key: UInt32[Array, "2"]) -> tuple[UInt32[Array, "2"], UInt32[Array, "2"]]:
    """As ``jax.random.split(key)``: the stream's next key, and one to draw with."""
    counts = jnp.arange(2, dtype=jnp.uint32)
    words = jnp.stack(_threefry(key, jnp.zeros_like(counts), counts), axis=1)
    return words[0], words[1]


def normals(key: UInt32[Array, "2"], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """As ``jax.random.normal(key, shape, jnp.float32)``, for fewer than 2^32 numbers."""
    count = jax.lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    high, low = _threefry(key, jnp.zeros_like(count), count)
    # 23 random bits below a leading one: from 1 to 2, then from -1 to 1 without the ends
    bits = barrier((high ^ low) >> 9) | jnp.uint32(0x3F800000)
    unit = jax.lax.bitcast_convert_type(bits, jnp.float32) - 1.0
    least = jnp.float32(_FIRST_ABOVE_MINUS_ONE)
    uniform = jnp.maximum(least, unit * (1.0 - least) + least)
    return jnp.float32(math.sqrt(2.0)) * jax.lax.erf_inv(uniform)


def _threefry(key: UInt32[Array, "2"], x: Array, y: Array) -> tuple[Array, Array]:
    """The block cipher: two words from two words under a key."""
    schedule = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(_PARITY))
    x, y = x + schedule[0], y + schedule[1]
    for k in range(5):
        for turn in _ROTATIONS[k % 2]:
            x = x + y
            y = x ^ ((y << turn) | (y >> (32 - turn)))
        x = x + schedule[(k + 1) % 3]
        y = y + schedule[(k + 2) % 3] + jnp.uint32(k + 1)
    return x, y
