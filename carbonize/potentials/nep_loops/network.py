"""Energies of a block's atoms from their descriptors, and back."""

from __future__ import annotations

from typing import Any

from carbonize.potentials.edip_loops.numbers import exponential, like
from carbonize.potentials.foreign import compiled
from carbonize.potentials.nep_loops.layout import BLOCK
from carbonize.potentials.nep_loops.products import multiply

__all__ = ["network"]


@compiled
def _through(biases: Any, output: Any, hidden: Any, energies: Any, slopes: Any) -> None:
    """tanh of the hidden neurons, the energies, and their slopes by what goes into the neurons."""
    real = hidden.dtype.type
    energies[:] = real(0.0)
    for m in range(len(biases)):
        bias, weight, values, slope = biases[m], output[m], hidden[m], slopes[m]
        for a in range(BLOCK):
            x = values[a] - bias
            small = exponential(like(x, -2.0) * abs(x))
            size = (like(x, 1.0) - small) / (like(x, 1.0) + small)
            values[a] = size if x >= like(x, 0.0) else -size
        for a in range(BLOCK):
            slope[a] = weight * (like(bias, 1.0) - values[a] * values[a])
        for a in range(BLOCK):
            energies[a] += weight * values[a]


@compiled
def network(
    weights: Any, biases: Any, output: Any, species: Any, begin: int, size: int,
    q: Any, dq: Any, energies: Any, hidden: Any, slopes: Any, tried: Any,
) -> None:  # fmt: skip
    """Energies (without the common bias) and dE/dq of atoms side by side, by the network of each one's element."""
    if weights.shape[0] == 1:
        multiply(weights[0], q, hidden)
        _through(biases[0], output[0], hidden, energies, slopes)
        multiply(weights[0].T, slopes, dq)
        return
    found = tried[-1]
    for kind in range(weights.shape[0]):
        some = False
        for a in range(size):
            some |= species[begin + a] == kind
        if not some:
            continue
        multiply(weights[kind], q, hidden)
        _through(biases[kind], output[kind], hidden, found, slopes)
        multiply(weights[kind].T, slopes, tried[:-1])
        for a in range(size):
            if species[begin + a] == kind:
                energies[a] = found[a]
                for d in range(len(dq)):
                    dq[d, a] = tried[d, a]
