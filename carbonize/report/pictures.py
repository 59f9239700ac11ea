"""Which pictures a report shows: first and last frame, by bonding and by pores, from the same side."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from carbonize.errors import InputError
from carbonize.report.numbers import number
from carbonize.report.render import draw_scenes
from carbonize.report.scene import View, build_scene

__all__ = ["PicturePair", "Pictures", "write_pictures"]

_SLICE_A = 12.0
_DEEPEST_A = 40.0
_SIZE = (840, 840)


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
    """The pictures of a report, and a note if something about them must be said."""

    pairs: tuple[PicturePair, ...]
    note: str


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
    scenes = []
    for end, atoms, record in zip(("first", "last"), frames, (first, last), strict=True):
        scenes.append((build_scene(atoms, None, slab, cutoff), names["atoms", end]))
        scenes.append((build_scene(atoms, _items(record), deep, cutoff), names["pores", end]))
    drawn = draw_scenes(scenes, _SIZE)

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
            f"Pores in {what}: each ball is the largest that fits at a pore's widest point, coloured by the "
            "pore's class. Bonds are grey. A pore is larger than its ball: see the volumes in the table. "
            "Balls at the border are drawn on both sides, since the cell repeats.",
            names["pores", "first"],
            names["pores", "last"],
            *labels,
        ),
    )
    return Pictures(pairs, next((p.note for p in drawn if p.note), ""))


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
