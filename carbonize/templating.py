"""A matrix around templates: cavities of chosen size that are there before annealing begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from carbonize.analysis.frame import analyze
from carbonize.config.builds import LARGEST_DENSITY_G_CM3, FragmentsMatrix, TemplatedSpec
from carbonize.crosslinking import fragment_structure
from carbonize.errors import InputError
from carbonize.io.frames import read_frames
from carbonize.io.validation import validate_atoms
from carbonize.potentials.base import Potential
from carbonize.quenching import MeltQuench, melt_quench
from carbonize.relaxing import CarbonRelaxer
from carbonize.simulation.minimize import Minimum
from carbonize.starting import relax
from carbonize.structures.cavities import Cavities, place_cavities
from carbonize.structures.prepare import standard_cell
from carbonize.structures.random_packing import cubic_edge_A, random_packing

__all__ = ["CAVITY_TOLERANCE_A", "measure_cavities", "templated_structure"]

CAVITY_TOLERANCE_A = 1.5
"""A cavity whose diameter or width is farther from the template's than this comes with a warning."""

_THINNEST_WALL_A = 2.0
_HELD_ROUNDS = 8
_HELD_STEPS = 60
_PLACINGS = 40
_RELAX_STEPS = 3000

Say = Callable[[str, float | None], None]


def templated_structure(
    potential: Potential, spec: TemplatedSpec, say: Say
) -> tuple[Any, Minimum, dict[str, Any]]:
    """A relaxed matrix with cavities where templates were.

    Atoms placed at random and fragments are packed around the templates. A melt-quenched carbon and a structure
    from a file are made first, and what lies within the templates is removed.

    Returns
    -------
    atoms, minimum
        :class:`ase.Atoms` and its relaxation.
    extra
        ``templates`` (:func:`measure_cavities`), ``warnings``, and ``fragments`` of that matrix.

    Raises
    ------
    InputError
        If templates do not fit into the cell, or leave too little room for the atoms.
    """
    matrix = spec.matrix
    extra: dict[str, Any] = {"warnings": []}
    if matrix.kind == "file":
        atoms, cavities = _cut_from_file(spec, matrix.path)
        say("relaxing", 0.5)
        atoms, minimum = relax(potential, atoms, spec.force_tolerance_eV_A, _RELAX_STEPS)
    else:
        assert spec.atoms is not None
        assert spec.density_g_cm3 is not None
        edge = cubic_edge_A(spec.atoms, spec.density_g_cm3)
        rng = np.random.default_rng(spec.seed)
        cavities = _placed(spec, np.eye(3) * edge, rng)
        walls = _wall_density(spec, cavities, edge)
        if matrix.kind == "fragments":
            atoms, minimum, extra = _around_fragments(potential, spec, matrix, cavities, say)
        elif matrix.kind == "random":
            atoms, minimum = _around_random(
                potential, spec, cavities, edge, walls, matrix.min_distance_A, say
            )
        else:
            settings = MeltQuench(
                matrix.melt_K, matrix.melt_ps, matrix.quench_ps, matrix.to_K, matrix.timestep_fs
            )
            many = round(spec.atoms * walls / spec.density_g_cm3)
            solid, _ = melt_quench(
                potential,
                many,
                spec.density_g_cm3 * many / spec.atoms,
                spec.seed,
                settings,
                watch=lambda what, done: say(f"melt and quench: {what}", 0.8 * done),
            )
            atoms, cavities = _cut_to(solid, spec.atoms, spec, cavities.number, rng)
            say("relaxing", 0.85)
            atoms, minimum = relax(potential, atoms, spec.force_tolerance_eV_A, _RELAX_STEPS)
    found = measure_cavities(atoms, cavities)
    if spec.porosity is not None:
        found["porosity_target"] = spec.porosity
        if abs(found["porosity"] - spec.porosity) > 0.1 * spec.porosity:
            extra["warnings"].append(
                f"templates fill {100 * found['porosity']:.1f} % of the cell, {100 * spec.porosity:.1f} % were asked for: "
                f"{cavities.number} of this size come nearest"
            )
    off = max(abs(d - spec.template_size_A) for d in found["sizes_A"])
    if off > CAVITY_TOLERANCE_A:
        reached = ", ".join(f"{d:.1f}" for d in found["sizes_A"])
        extra["warnings"].append(
            f"cavities are {reached} A wide after relaxation, {spec.template_size_A:g} A were asked for"
        )
    return atoms, minimum, {**extra, "templates": found}


def measure_cavities(atoms: Any, cavities: Cavities) -> dict[str, Any]:
    """Templates, and how large the pores are that they left.

    Returns
    -------
    dict
        ``shape``, ``number``, ``size_target_A``, ``porosity`` (the templates' share of the cell), ``sizes_A``: for each
        template the diameter of the largest sphere between atoms whose centre lies in its inner half,
        and ``centers_A``, where the templates stood.
    """
    cell = atoms.cell.array
    items = analyze(atoms, what="pores", probes={"He": 2.6})["pores"]["items"]
    centres = cavities.centres @ cell
    sizes = []
    for k in range(cavities.number):
        one = Cavities(cavities.shape, cavities.centres[k : k + 1], cavities.size_A)
        inside = [i for i in items if one.depth(np.array([i["center_A"]]), cell)[0] > cavities.reach_A / 2]
        middle = 2 * one.clearance_A(atoms.positions, cell)
        sizes.append(max([middle, *(i["diameter_A"] for i in inside)]))
    return {
        "shape": cavities.shape,
        "number": cavities.number,
        "size_target_A": cavities.size_A,
        "sizes_A": [float(x) for x in sizes],
        "porosity": cavities.share(cell),
        "centers_A": [[float(x) for x in c] for c in centres],
    }


def _number(spec: TemplatedSpec, cell: np.ndarray) -> int:
    if spec.number is not None:
        return spec.number
    one = Cavities(spec.template, np.zeros((1, 3)), spec.template_size_A).share(cell)
    assert spec.porosity is not None
    return max(1, round(spec.porosity / one))


def _placed(spec: TemplatedSpec, cell: np.ndarray, rng: np.random.Generator) -> Cavities:
    number = _number(spec, cell)
    return place_cavities(spec.template, spec.template_size_A, number, cell, _THINNEST_WALL_A, rng)


def _wall_density(spec: TemplatedSpec, cavities: Cavities, edge: float) -> float:
    """Density (g/cm3) of the space that is left to the centres of atoms."""
    assert spec.density_g_cm3 is not None
    left = 1.0 - cavities.share(np.eye(3) * edge, centres=True)
    if left <= 0 or spec.density_g_cm3 / left > LARGEST_DENSITY_G_CM3:
        raise InputError(
            f"templates leave {100 * max(left, 0):.0f} % of the cell to {spec.density_g_cm3:g} g/cm3: walls would be denser "
            f"than {LARGEST_DENSITY_G_CM3:g} g/cm3 (diamond has 3.52); use a lower density, or fewer or smaller templates"
        )
    return spec.density_g_cm3 / left


def _around_fragments(
    potential: Potential, spec: TemplatedSpec, matrix: FragmentsMatrix, cavities: Cavities, say: Say
) -> tuple[Any, Minimum, dict[str, Any]]:
    assert spec.atoms is not None
    assert spec.density_g_cm3 is not None
    return fragment_structure(
        potential,
        matrix,
        spec.atoms,
        spec.density_g_cm3,
        spec.seed,
        spec.force_tolerance_eV_A,
        say,
        cavities,
    )


def _around_random(
    potential: Potential,
    spec: TemplatedSpec,
    cavities: Cavities,
    edge: float,
    walls_g_cm3: float,
    min_distance_A: float | None,
    say: Say,
) -> tuple[Any, Minimum]:
    from ase import Atoms

    assert spec.atoms is not None
    assert spec.density_g_cm3 is not None
    cell = np.eye(3) * edge
    say("packing", 0.1)
    positions = random_packing(
        spec.atoms,
        spec.density_g_cm3,
        spec.seed,
        min_distance_A,
        free=lambda points: cavities.depth(points, cell) <= 0,
        local_density_g_cm3=walls_g_cm3,
    )
    relaxer = CarbonRelaxer(potential, positions, cell)
    for turn in range(_HELD_ROUNDS):
        # the template is rigid: whatever moved into it goes back to its surface
        say("relaxing around the templates", 0.2 + 0.6 * turn / _HELD_ROUNDS)
        minimum = relaxer(positions, spec.force_tolerance_eV_A, _HELD_STEPS)
        positions = cavities.out_of(minimum.positions, cell)
    say("relaxing", 0.8)
    minimum = relaxer(positions, spec.force_tolerance_eV_A, _RELAX_STEPS)
    atoms = Atoms(f"C{spec.atoms}", positions=minimum.positions, cell=cell, pbc=True)
    atoms.wrap()
    return atoms, minimum


def _cut_from_file(spec: TemplatedSpec, path: str) -> tuple[Any, Cavities]:
    _, atoms = next(iter(read_frames(path, -1)))
    validate_atoms(atoms, path)
    atoms = standard_cell(atoms, path)
    cell = atoms.cell.array
    rng = np.random.default_rng(spec.seed)
    if spec.density_g_cm3 is None:
        cavities = _placed(spec, cell, rng)
        return _without(atoms, cavities, path), cavities
    from carbonize.units import density_g_cm3

    whole = density_g_cm3(float(atoms.get_masses().sum()), float(atoms.cell.volume))
    if spec.density_g_cm3 >= whole:
        raise InputError(
            f"{path}: has {whole:.3f} g/cm3; cavities cannot bring it to {spec.density_g_cm3:g} g/cm3, which is not less"
        )
    keep = round(len(atoms) * spec.density_g_cm3 / whole)
    one = Cavities(spec.template, np.zeros((1, 3)), spec.template_size_A).share(cell, centres=True)
    number = max(1, round((1 - spec.density_g_cm3 / whole) / one))
    return _cut_to(atoms, keep, spec, number, rng)


def _without(atoms: Any, cavities: Cavities, path: str) -> Any:
    kept = cavities.depth(atoms.positions, atoms.cell.array) <= 0
    if kept.sum() < 2:
        raise InputError(f"{path}: templates leave {int(kept.sum())} atoms; use fewer or smaller ones")
    return atoms[kept]


def _cut_to(
    solid: Any, keep: int, spec: TemplatedSpec, number: int, rng: np.random.Generator
) -> tuple[Any, Cavities]:
    """Exactly ``keep`` atoms: of several placings the one that holds nearest to the right number is taken.

    What is still wrong by a few atoms is made up at the templates' surfaces.
    """
    cell = solid.cell.array
    best: tuple[int, Cavities, np.ndarray] | None = None
    for _ in range(_PLACINGS):
        cavities = place_cavities(spec.template, spec.template_size_A, number, cell, _THINNEST_WALL_A, rng)
        depth = cavities.depth(solid.positions, cell)
        off = abs(int((depth <= 0).sum()) - keep)
        if best is None or off < best[0]:
            best = off, cavities, depth
    assert best is not None
    order = np.argsort(best[2], kind="stable")
    return solid[np.sort(order[:keep])], best[1]
