"""Which pictures a report shows: first and last frame, by bonding and by pores, from the same side."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from carbonize.analysis.pores.survey import PoreSurvey
from carbonize.config.models import AnalysisConfig
from carbonize.errors import InputError
from carbonize.report.canvas import Canvas, Drawing
from carbonize.report.numbers import number
from carbonize.report.scene import Scene, View, build_scene
from carbonize.report.shots import atom_radii, find_void, in_box
from carbonize.report.surfaces import pore_surfaces
from carbonize.report.view3d import View3D, build_view3d

__all__ = ["PicturePair", "Pictures", "write_pictures"]

_SLICE_A = 12.0
_DEEPEST_A = 40.0
_SIZE = (840, 840)
_MOST_ATOMS = 100_000  # the void is found again for the pictures, and that should take seconds

_SURFACES = (
    "Pores in {}, coloured by class: the space that helium atoms can fill, up to the surface of the carbon. "
    "Paler and flat: cut by the border, since the cell repeats. Bonds are grey."
)
_BALLS = (
    "Pores in {}: each ball is the largest that fits at a pore's widest point, coloured by the pore's class. "
    "Bonds are grey. A pore is larger than its ball: see the volumes in the table. Balls at the border are "
    "drawn on both sides, since the cell repeats."
)


@dataclasses.dataclass(frozen=True)
class PicturePair:
    """The first and the last frame seen in one way; ``kind`` is bonding or pores."""

    kind: str
    title: str
    caption: str
    first: Path
    last: Path
    first_label: str
    last_label: str


@dataclasses.dataclass(frozen=True)
class Pictures:
    """The pictures of a report, a note if something about them must be said, and the last frame in 3-D."""

    pairs: tuple[PicturePair, ...]
    note: str
    view3d: View3D | None = None


def write_pictures(run: Any, folder: Path) -> Pictures:
    """Draw the first and last analysed frame of the first replica into ``folder``."""
    own = min(int(r["replica"]) for r in run.records)
    records = sorted((r for r in run.records if r["replica"] == own), key=lambda r: r["step"])
    first, last = records[0], records[-1]
    try:
        frames = (
            _frame_at(run.trajectory, first["step"], False),
            _frame_at(run.trajectory, last["step"], True),
        )
    except InputError as err:
        return Pictures((), f"There are no pictures: {err}")
    if frames[0] is None or frames[1] is None:
        return Pictures((), "There are no pictures: the analysed frames are not in the trajectory.")

    centre = _centre(frames[1], last)
    height = 1.0 / float(np.linalg.norm(np.linalg.inv(frames[1].cell.array), axis=0)[2])
    slab = View(centre, min(_SLICE_A, height))
    deep = View(centre, None if height <= _DEEPEST_A else 0.5 * _DEEPEST_A)
    cutoff = run.protocol.analysis.bond_cutoff_A
    names = {
        (kind, end): folder / f"{kind}-{end}.png" for kind in ("atoms", "pores") for end in ("first", "last")
    }
    as_balls, found, analysis = False, None, run.protocol.analysis
    with Canvas() as canvas:
        for end, atoms, record in zip(("first", "last"), frames, (first, last), strict=True):
            canvas.draw(Drawing(build_scene(atoms, None, slab, cutoff), names["atoms", end], _SIZE))
            found = _survey(atoms, record, analysis)
            scene = _surfaces(atoms, found, deep, analysis)
            if scene is None:
                as_balls = True
                scene = build_scene(atoms, _items(record), deep, cutoff)
            canvas.draw(Drawing(scene, names["pores", end], _SIZE))
        view3d = build_view3d(in_box(frames[1]), found, analysis, centre, _items(last))
        canvas.finish()

    moved = "The periodic cell is shifted so that the widest pore of the last frame lies in the middle."
    labels = (_label(first), _label(last))
    what = "the whole cell" if deep.slab_A is None else f"a slice {number(deep.slab_A, 0)} Å thick"
    pairs = (
        PicturePair(
            "bonding",
            "Bonding",
            f"A slice {number(slab.slab_A, 0)} Å thick, seen face on; paler means farther away. "
            f"Atoms are coloured by their number of neighbours, counted in the whole cell. {moved}",
            names["atoms", "first"],
            names["atoms", "last"],
            *labels,
        ),
        PicturePair(
            "pores",
            "Pores",
            _BALLS.format(what) if as_balls else _SURFACES.format(what),
            names["pores", "first"],
            names["pores", "last"],
            *labels,
        ),
    )
    return Pictures(pairs, canvas.note, view3d)


def _survey(atoms: Any, record: Mapping[str, Any], analysis: AnalysisConfig) -> PoreSurvey | None:
    """The pores of a frame; None where balls must do."""
    if "pores" not in record["frame"] or len(atoms) > _MOST_ATOMS:
        return None
    try:
        return find_void(atoms, analysis)
    except InputError:
        return None


def _surfaces(atoms: Any, found: PoreSurvey | None, view: View, analysis: AnalysisConfig) -> Scene | None:
    """The pores of a frame as surfaces; None where balls must do."""
    if found is None:
        return None
    boxed = in_box(atoms)
    surface = pore_surfaces(boxed, found, atom_radii(atoms, analysis), view)
    return build_scene(boxed, None, view, analysis.bond_cutoff_A, surface)


def _frame_at(trajectory: Any, step: int, from_end: bool) -> Any:
    """The frame of this step (trajectories hold more frames than are analysed), or None."""
    count = len(trajectory)
    for i in reversed(range(count)) if from_end else range(count):
        atoms = trajectory[i]
        if int(atoms.info.get("step", -1)) == int(step):
            return atoms
    return None


def _items(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((record["frame"].get("pores") or {}).get("items") or [])


def _centre(atoms: Any, record: Mapping[str, Any]) -> tuple[float, float, float]:
    items = _items(record)
    if not items:
        return (0.5, 0.5, 0.5)
    widest = max(items, key=lambda item: item["diameter_A"])
    a, b, c = np.linalg.solve(atoms.cell.array.T, np.asarray(widest["center_A"], dtype=float))
    return (float(a), float(b), float(c))


def _label(record: Mapping[str, Any]) -> str:
    return f"{number(record['time_ps'], 2)} ps, {number(record['temperature_K'], 0)} K"
