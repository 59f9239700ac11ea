"""What every thermostat offers to the integrator.

A thermostat acts on the momenta alone, in the middle of a step (the O of BAOAB). It sees
one replica; the integrator maps it over the batch. Whatever it must remember goes into
the state, so that a continued run goes on as if it had not stopped.
"""

from __future__ import annotations

import abc
from typing import NamedTuple

from jaxtyping import Array, Float, UInt32

__all__ = ["Bath", "Thermostat"]


class Bath(NamedTuple):
    """One replica's momenta (amu A per internal time), memory, and random stream."""

    momenta: Float[Array, "atom 3"]
    memory: Float[Array, " value"]
    key: UInt32[Array, "2"]


class Thermostat(abc.ABC):
    """Abstract base. Leaves are frozen dataclasses and final."""

    keeps_momentum: bool = True
    """Whether the total momentum is conserved; then it is set to 0 and 3N - 3 degrees are thermal."""

    @property
    def memory(self) -> int:
        """How many numbers it must remember from step to step."""
        return 0

    @abc.abstractmethod
    def apply(
        self,
        bath: Bath,
        masses: Float[Array, "atom 1"],
        degrees: int,
        kT: Float[Array, ""],
        dt: Float[Array, ""],
    ) -> Bath:
        """Exchange heat for ``dt`` (internal time) at ``kT`` (eV); no change at all for dt = 0."""
