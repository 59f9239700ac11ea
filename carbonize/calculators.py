"""The potentials as ASE calculators.

>>> import carbonize
>>> from ase.build import graphene
>>> atoms = graphene(a=2.4594, vacuum=8)
>>> atoms.calc = carbonize.calculator("edip")
>>> round(atoms.get_potential_energy() / len(atoms), 4)
-7.3625

Any cell will do: open, partly periodic, triclinic, left-handed, or smaller than the range
of the potential. Double precision is switched on only around the calculator's own
evaluations; JAX's global setting stays as it is.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from jaxtyping import Bool, Float, Int

from carbonize.errors import InputError, SimulationError
from carbonize.periodic import images_within, make_lattice
from carbonize.potentials.base import PAD_A, Bonds, Capacity, Evaluation, Potential
from carbonize.potentials.factory import make_potential
from carbonize.potentials.slots import compiler_options
from carbonize.potentials.tersoff_parameters import NAMED_SETS

__all__ = ["CarbonizeCalculator", "calculator"]

_POTENTIALS = ("edip", "tersoff", "nep")
_KEYWORDS = ("parameters", "file", "precision", "dispersion")
_PRECISIONS = ("float64", "float32")

# Closer than this, two atoms are taken for one that is listed twice.
_SAME_PLACE_A = 0.05

# Arrays are padded to few sizes, so that structures of similar size share compiled code.
_SMALLEST_ATOMS = 128
_SLOT_STEP = 32
_ATTEMPTS = 12


def calculator(
    name: str,
    *,
    parameters: str | None = None,
    file: str | None = None,
    precision: str = "float64",
    dispersion: bool | Mapping[str, Any] = False,
    **unknown: Any,
) -> CarbonizeCalculator:
    """An ASE calculator for one of the potentials.

    Parameters
    ----------
    name
        ``"edip"``, ``"tersoff"`` or ``"nep"``.
    parameters
        For ``"tersoff"``: ``"tersoff-1989"``, ``"erhart-albe-2005"`` or ``"lindsay-broido-2010"``.
    file
        For ``"tersoff"``: a parameter file in the LAMMPS format, instead of ``parameters``. For
        ``"nep"``: a ``nep.txt`` file of GPUMD.
    precision
        ``"float64"`` or ``"float32"``.
    dispersion
        Whether carbon sheets attract each other; a mapping (``{"cutoff_A": 10}``) sets the keys of
        ``potential.dispersion`` in a protocol.

    Raises
    ------
    InputError
        The name, a keyword, or what it is set to is not known, or the file cannot be used.
    """
    from carbonize.config.models import EdipConfig, NepConfig, TersoffConfig

    for key in unknown:
        raise InputError(f"unknown keyword {key!r}{_nearest(key, _KEYWORDS)}; known: {', '.join(_KEYWORDS)}")
    if name not in _POTENTIALS:
        raise InputError(
            f"unknown potential {name!r}{_nearest(name, _POTENTIALS)}; known: {', '.join(_POTENTIALS)}"
        )
    if precision not in _PRECISIONS:
        raise InputError(
            f"unknown precision {precision!r}{_nearest(precision, _PRECISIONS)}; "
            f"known: {', '.join(_PRECISIONS)}"
        )
    config: dict[str, Any] = {"kind": name, "dispersion": dispersion}
    if name == "edip":
        if parameters is not None or file is not None:
            raise InputError("edip has one set of parameters; leave out parameters and file")
        return _made(EdipConfig, config, "EDIP", precision)
    if name == "nep":
        if parameters is not None or not file:
            raise InputError("nep needs file (a nep.txt of GPUMD) and no parameters")
        if dispersion:
            raise InputError(
                "nep takes no dispersion term: what a NEP knows of it is in its file; leave dispersion out"
            )
        potential = make_potential(NepConfig(kind="nep", file=str(file)))
        return CarbonizeCalculator(potential, name="NEP", precision=precision)
    known = ", ".join(NAMED_SETS)
    if (parameters is None) == (file is None):
        raise InputError(f"tersoff needs either parameters ({known}) or file (LAMMPS format)")
    if parameters is not None and parameters not in NAMED_SETS:
        raise InputError(
            f"unknown parameters {parameters!r}{_nearest(parameters, NAMED_SETS)}; known: {known}"
        )
    config |= {"parameters": parameters} if file is None else {"file": str(file)}
    return _made(TersoffConfig, config, "Tersoff", precision)


def _made(model: Any, config: dict[str, Any], name: str, precision: str) -> CarbonizeCalculator:
    from pydantic import ValidationError

    from carbonize.config.load import explain_validation

    try:
        checked = model.model_validate(config)
    except ValidationError as err:
        raise InputError(explain_validation(err, model)) from None
    title = f"{name} with dispersion" if checked.dispersion is not None else name
    return CarbonizeCalculator(make_potential(checked), name=title, precision=precision)


class CarbonizeCalculator(Calculator):
    """ASE calculator of a :class:`~carbonize.potentials.Potential`.

    Energies are in eV, forces in eV/A, the stress in eV/A^3 in ASE's order and sign; the
    stress is there only for cells that are periodic in all three directions.
    """

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]

    def __init__(
        self,
        potential: Potential,
        *,
        name: str,
        precision: str = "float64",
        capacity: Capacity | None = None,
    ) -> None:
        """Set up; nothing is compiled before the first evaluation.

        ``capacity`` are the potential's inner sizes to begin with; they grow as needed, at the
        price of compiling anew.
        """
        super().__init__()
        self.potential = potential
        self.title = name
        self.precision = precision
        self._capacity = capacity or potential.initial_capacity()
        self._slots = _SLOT_STEP

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """ASE's entry point: check the atoms, evaluate, fill ``self.results``."""
        super().calculate(atoms, properties or ["energy"], system_changes)
        assert self.atoms is not None
        cell, pbc = np.array(self.atoms.cell), np.array(self.atoms.pbc)
        potential = self.potential.for_elements(self.atoms.symbols) if len(self.atoms) else self.potential
        species = _check_atoms(self.atoms, potential.elements, self.title)
        positions = np.array(self.atoms.positions)
        energies, forces, virials = self._evaluate(potential, positions, cell, pbc, species)
        energy = float(energies.sum())
        self.results = {"energy": energy, "free_energy": energy, "energies": energies, "forces": forces}
        if pbc.all():
            self.results["stress"] = virials.sum(axis=1) / abs(np.linalg.det(cell))

    def _evaluate(
        self,
        potential: Potential,
        positions: Float[np.ndarray, "atom 3"],
        cell: Float[np.ndarray, "3 3"],
        pbc: Bool[np.ndarray, "3"],
        species: Int[np.ndarray, " atom"],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Energies (atom), forces (atom, 3) and virials (6, atom), with lists as long as they need be."""
        atoms = len(positions)
        rows = _padded_size(atoms)
        species = np.concatenate([species, np.zeros(rows - atoms, np.int32)])
        cutoff_A = potential.cutoff_A
        bonds = self._list(positions, cell, pbc, cutoff_A, rows)
        for _ in range(_ATTEMPTS):
            result = self._run(potential, bonds, species)
            usage = tuple(int(n) for n in result.usage.max(axis=1))
            if any(need > have for need, have in zip(usage, self._capacity, strict=True)):
                self._capacity = _grown(self._capacity, usage)
                continue
            reach_A = float(result.reach_A.max())
            if reach_A > cutoff_A:
                cutoff_A = reach_A * (1 + 1e-6)
                bonds = self._list(positions, cell, pbc, cutoff_A, rows)
                continue
            assert result.virials is not None
            return (
                np.array(result.energies, float)[:atoms],
                np.array(result.forces, float).T[:atoms],
                np.array(result.virials, float)[:, :atoms],
            )
        raise SimulationError(
            f"{self.title}: neighbour lists kept growing (range {cutoff_A:.1f} A, sizes {self._capacity}); "
            "the atoms are too dense, relax the structure first"
        )

    def _run(self, potential: Potential, bonds: Bonds, species: np.ndarray) -> Evaluation:
        precise = self.precision == "float64"
        with jax.enable_x64(True) if precise else contextlib.nullcontext():
            return jax.device_get(_compiled()(potential, bonds, species, self._capacity))

    def _list(
        self, positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray, cutoff_A: float, rows: int
    ) -> Bonds:
        first, second, vectors = _neighbor_vectors(positions, cell, pbc, cutoff_A)
        _check_distances(first, second, vectors)
        counts = np.bincount(first, minlength=rows)
        self._slots = max(self._slots, -(-int(counts.max()) // _SLOT_STEP) * _SLOT_STEP)
        slot = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
        index = np.tile(np.arange(rows, dtype=np.int32), (self._slots, 1))
        index[slot, first] = second
        components = np.zeros((3, self._slots, rows), self.precision)
        components[0] = PAD_A
        components[:, slot, first] = vectors.T
        return Bonds(index, *components)  # type: ignore[arg-type]


@functools.lru_cache(maxsize=1)
def _compiled() -> Any:
    """One jitted function for all calculators, so that they share what is compiled."""

    def evaluate(potential: Potential, bonds: Bonds, species: Any, capacity: Capacity) -> Evaluation:
        return potential.evaluate(bonds, species, capacity, with_virials=True)

    return jax.jit(evaluate, static_argnames=("potential", "capacity"), compiler_options=compiler_options())


def _neighbor_vectors(
    positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray, cutoff_A: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ordered pairs within ``cutoff_A``, sorted by the first atom, and their vectors (A)."""
    from scipy.spatial import KDTree

    lattice = make_lattice(cell, pbc)
    images = images_within(lattice.fractional(positions), lattice, cutoff_A * (1 + 1e-9) + 1e-9)
    points = images.fractional @ lattice.vectors
    here = points[: len(positions)]  # the atoms themselves come first
    found = KDTree(here).sparse_distance_matrix(KDTree(points), cutoff_A, output_type="ndarray")
    first, image = found["i"], found["j"]
    other = first != image
    first, image = first[other], image[other]
    order = np.lexsort((image, first))
    first, image = first[order], image[order]
    return first, images.index[image], points[image] - here[first]


def _check_atoms(atoms: Atoms, elements: tuple[str, ...], name: str) -> Int[np.ndarray, " atom"]:
    """Species of the atoms; InputError for anything that no potential can be evaluated for."""
    if len(atoms) == 0:
        raise InputError("the structure has no atoms")
    symbols = atoms.get_chemical_symbols()
    for number, symbol in enumerate(symbols):
        if symbol not in elements:
            known = "carbon" if elements == ("C",) else ", ".join(elements)
            raise InputError(f"{name} is for {known} only; atom {number} is {symbol}")
    bad = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if len(bad):
        where = ", ".join(f"{x:g}" for x in atoms.positions[bad[0]])
        raise InputError(f"atom {bad[0]} has no place: its position is ({where}); give finite numbers")
    periodic = np.array(atoms.cell)[np.array(atoms.pbc)]
    if not np.isfinite(periodic).all():
        raise InputError("the cell has entries that are not finite numbers; give cell vectors in A")
    lengths = np.linalg.norm(periodic, axis=1)
    # Volume of the periodic vectors over the product of their lengths: 0 if they do not span.
    spanned = np.linalg.svd(periodic / np.maximum(lengths, 1e-300)[:, None], compute_uv=False)
    if len(periodic) and (lengths.min() < 1e-6 or spanned.prod() < 1e-9):
        raise InputError(
            "the cell has no volume but is periodic; give independent cell vectors, or set pbc to False"
        )
    return np.array([elements.index(symbol) for symbol in symbols], np.int32)


def _check_distances(first: np.ndarray, second: np.ndarray, vectors: np.ndarray) -> None:
    if len(first) == 0:
        return
    distances = np.linalg.norm(vectors, axis=1)
    k = int(distances.argmin())
    if distances[k] < _SAME_PLACE_A:
        i, j = sorted((int(first[k]), int(second[k])))
        who = f"atom {i} and its own image" if i == j else f"atoms {i} and {j}"
        raise InputError(f"{who} are at the same place ({distances[k]:.3g} A apart); remove one or move it")


def _padded_size(atoms: int) -> int:
    """Least of 128, 192, 256, 384, 512, ... that holds ``atoms``."""
    size = _SMALLEST_ATOMS
    while size < atoms:
        if size + size // 2 >= atoms:
            return size + size // 2
        size *= 2
    return size


def _grown(capacity: Capacity, usage: tuple[int, ...]) -> Capacity:
    """Capacities raised by quarters, so that few different ones are ever compiled."""
    grown = []
    for size, need in zip(capacity, usage, strict=True):
        while size < need:
            size += max(2, size // 4)
        grown.append(size)
    return tuple(grown)


def _nearest(word: object, known: Any) -> str:
    close = difflib.get_close_matches(str(word).lower(), list(known), n=1, cutoff=0.5)
    return f", did you mean {close[0]!r}?" if close else ""
