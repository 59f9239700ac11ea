"""The last frame of every protocol, from the same side and, where there is one, of the same start."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from carbonize.compare.comparison import Comparison
from carbonize.compare.replica import Replica
from carbonize.errors import InputError
from carbonize.report.canvas import Canvas
from carbonize.report.scene import View
from carbonize.report.shots import Look, draw_shots, take_shot

__all__ = ["SidePictures", "write_side_pictures"]

_SIZE = (640, 640)
_SLICE_A = 12.0
_DEEPEST_A = 40.0
_MOST_ATOMS = 100_000  # the void is found again for the pictures, and that should take seconds
_MOST_PROTOCOLS = 8


@dataclasses.dataclass(frozen=True)
class SidePictures:
    """Pictures by kind (bonding, pores) and protocol, which replica they show, and what must be said."""

    bonding: dict[str, Path]
    pores: dict[str, Path]
    shown: str
    note: str


def write_side_pictures(found: Comparison, folder: Path) -> SidePictures:
    """Draw the last frame of one replica of every protocol into ``folder``."""
    chosen, shown = _chosen(found)
    frames = {}
    notes = []
    for name, replica in list(chosen.items())[:_MOST_PROTOCOLS]:
        try:
            trajectory = replica.run.trajectories.get(replica.number)
            if trajectory is None or not len(trajectory):
                notes.append(f"There is no picture of {name}: its run has no trajectory.")
                continue
            frames[name] = trajectory[len(trajectory) - 1]
        except InputError as err:
            notes.append(f"There is no picture of {name}: {err}")
    if len(chosen) > _MOST_PROTOCOLS:
        notes.append(f"Only the first {_MOST_PROTOCOLS} protocols are drawn.")
    pictures: dict[str, dict[str, Path]] = {"bonding": {}, "pores": {}}
    for kind in pictures:
        look = Look(pores=kind == "pores", size=_SIZE, legend=False)
        with Canvas() as canvas:
            shots = []
            for place, (name, atoms) in enumerate(frames.items()):
                if kind == "pores" and len(atoms) > _MOST_ATOMS:
                    notes.append(f"The pores of {name} are not drawn: it has over {_MOST_ATOMS:,} atoms.")
                    continue
                height = abs(atoms.cell.volume) / abs(float(_area(atoms)))
                deep = None if height <= _DEEPEST_A else 0.5 * _DEEPEST_A
                view = View(slab_A=min(_SLICE_A, height) if kind == "bonding" else deep)
                own = dataclasses.replace(look, view=view, analysis=chosen[name].run.protocol.analysis)
                try:
                    shots.append((take_shot(atoms, own), folder / f"{kind}-{place}.png", name))
                except InputError as err:
                    notes.append(f"There is no picture of {name}: {err}")
            draw_shots(canvas, [(shot, path) for shot, path, _ in shots], look)
            pictures[kind] = {name: path for _, path, name in shots}
            if canvas.note and canvas.note not in notes:
                notes.append(canvas.note)
    return SidePictures(pictures["bonding"], pictures["pores"], shown, " ".join(dict.fromkeys(notes)))


def _area(atoms: object) -> float:
    import numpy as np

    cell = atoms.cell.array  # type: ignore[attr-defined]
    return float(np.linalg.norm(np.cross(cell[0], cell[1])))


def _chosen(found: Comparison) -> tuple[dict[str, Replica], str]:
    """One replica a protocol: the first that all share, else each one's first; and which in words."""
    by_key = {name: {r.key: r for r in own} for name, own in found.protocols.items()}
    first = next(iter(by_key.values()))
    for key in first:
        if all(key in own for own in by_key.values()):
            shown = f"replica {key.replica} on {key.block.precursor}"
            return {name: own[key] for name, own in by_key.items()}, shown
    return {name: own[0] for name, own in found.protocols.items()}, "the first replica of each protocol"
