"""What every potential offers to the rest of the program.

A potential is a frozen dataclass of parameters. It sees no cell and no boundary
conditions: only, for every atom, the vectors to its neighbours. Whoever calls it
(the engine with a compiled neighbour list, a calculator with a host-made one)
decides where those come from, so one kernel serves open, periodic, triclinic and
tiny cells, and any number of replicas laid end to end along the atom axis.

Arrays have atoms on the last, fast axis ("slot atom"): that is the layout in which
XLA vectorises best on the CPU (docs/decisions.md).
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterable
from typing import Literal, NamedTuple, Protocol

import jax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, Int8

__all__ = ["PAD_A", "UNUSED", "Bonds", "Capacity", "Evaluation", "Exchange", "Lists", "Potential"]

PAD_A = 1.0e3
"""x component (A) of the vector in an unused slot; farther than any interaction."""

Capacity = tuple[int, ...]
"""Static sizes of a potential's inner arrays. What each entry means is the potential's affair."""


UNUSED = 127
"""Shift along x that marks an unused slot of :class:`Lists`."""


class Lists(NamedTuple):
    """What bond vectors are made of, for a potential that makes them itself.

    Attributes
    ----------
    shift
        Cell vectors to add to the difference of positions; (UNUSED, 0, 0) in unused slots,
        which come last.
    positions
        Of all atoms (A).
    cells
        Cell vectors (A) in rows, lower triangular; replicas have equally many atoms, in order.
    """

    shift: Int8[Array, "3 slot atom"]
    positions: Float[Array, "atom 3"]
    cells: Float[Array, "replica 3 3"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Bonds:
    """Neighbours of every atom.

    Attributes
    ----------
    index
        Neighbour's index; the atom's own index in unused slots. An atom may also be its
        own neighbour for real (an image in a small cell): unused slots are told by their
        length, never by their index.
    x, y, z
        Components (A) of r_neighbour - r_atom, image included; (PAD_A, 0, 0) in unused slots.
    lists
        What the vectors were made of, where they come from neighbour lists. A potential may take
        these: a compiled program leaves out the vectors that nobody reads.
    """

    index: Int[Array, "slot atom"]
    x: Float[Array, "slot atom"]
    y: Float[Array, "slot atom"]
    z: Float[Array, "slot atom"]
    lists: Lists | None = None


class Evaluation(NamedTuple):
    """Energy and its derivatives, atom by atom.

    Attributes
    ----------
    energies
        Energy of each atom (eV), in the dtype of the accumulation, as forces and virials.
    forces
        Force on each atom (eV/A), -dE/dr; also on atoms that only others have bonds to (see
        :attr:`Potential.divisible`).
    virials
        Each atom's share of dE/dstrain (eV), order xx, yy, zz, yz, xz, xy; its sum over
        the volume is the stress in ASE's sign. None unless asked for; where only the trace was
        asked for, it may be its only row.
    usage
        What each capacity should have been at least for the atom. The result is valid only
        if no entry of any atom exceeds the capacity it was computed with.
    reach_A
        Longest distance at which the atom could interact in this configuration. The result
        is valid only if the neighbour list was complete up to the largest.

    What is needed is told per atom, so that a batch can take the largest per replica and
    leave out a replica that has come to grief. Where it is the same for all atoms, ``usage`` and ``reach_A``
    may have a single column, if the bonds come with :attr:`Bonds.lists`.
    """

    energies: Float[Array, " atom"]
    forces: Float[Array, "3 all"]
    virials: Float[Array, "component atom"] | None
    usage: Int[Array, "entry atom"]
    reach_A: Float[Array, " atom"]


class Exchange(Protocol):
    """What several cores that have some of the atoms each tell each other (traceable)."""

    def everyones(self, own: Array) -> Array:
        """Rows of the core's own atoms -> rows of all, its own first."""
        ...

    def summed(self, rows: Array) -> Array:
        """Rows of all atoms, its own first -> those of its own, summed over the cores."""
        ...


class Potential(abc.ABC):
    """Abstract base of the potentials. Leaves are frozen dataclasses and final."""

    @property
    @abc.abstractmethod
    def cutoff_A(self) -> float:
        """Distance (A) to which neighbour lists must be complete to begin with."""

    @property
    @abc.abstractmethod
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols it has parameters for; species are indices into this."""

    @property
    def divisible(self) -> bool:
        """Whether :meth:`evaluate` takes the bonds of some of the atoms only.

        Then it may be given species of more atoms than there are columns of bonds: the first ones
        are the atoms with bonds, the rest are named by ``bonds.index``, and forces are on all of them.
        """
        return False

    def among(self, exchange: Exchange) -> Potential:
        """The potential as a core evaluates it that has some of the atoms: here itself.

        One that needs more than an atom's own bonds takes what it needs of others from the exchange.
        """
        del exchange
        return self

    @property
    def fewest_atoms_a_core(self) -> int:
        """With fewer atoms the cores that share a replica spend their time waiting for each other.

        Measured (docs/benchmarks.md); the dearer an atom, the fewer suffice.
        """
        return 2000

    def for_elements(self, symbols: Iterable[str]) -> Potential:
        """The potential of a structure that holds just the elements ``symbols``.

        Potentials with parameters for many elements leave out what the structure does not need,
        which may be much faster. Species are then indices into the ``elements`` of what is returned.
        Here: the potential itself; that it knows the elements is checked where atoms have names.

        Raises
        ------
        InputError
            If it has parameters of its own for elements, and some that are needed are missing.
        """
        del symbols
        return self

    @abc.abstractmethod
    def initial_capacity(self) -> Capacity:
        """Inner sizes that suffice for ordinary structures."""

    @abc.abstractmethod
    def evaluate(
        self,
        bonds: Bonds,
        species: Int[Array, " all"],
        capacity: Capacity,
        with_virials: bool | Literal["trace"] = False,
        accumulate: DTypeLike | None = None,
    ) -> Evaluation:
        """Energies, forces and (if asked) virials. Traceable; ``capacity`` is static.

        What single bonds contribute has the precision of the bond vectors. It is summed in
        the dtype ``accumulate`` (None: the same): energies of atoms over their bonds, forces
        and virials over bonds and where two atoms meet.
        """
