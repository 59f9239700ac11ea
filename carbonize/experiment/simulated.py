"""The simulated side: numbers and curves of a structure, or of the last frames of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carbonize.errors import InputError
from carbonize.experiment.table_file import QUANTITIES

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Simulated", "last_structures", "simulate_measurement", "value_of"]


@dataclasses.dataclass(frozen=True)
class Simulated:
    """Results of all structures of one simulated carbon.

    Attributes
    ----------
    source
        Where they are from.
    frames
        As :func:`carbonize.analyze` returns them, one a replica.
    curves
        Mean over the replicas by name: (abscissa, values).
    """

    source: str
    frames: list[dict[str, Any]]
    curves: dict[str, tuple[np.ndarray, np.ndarray]]


def last_structures(path: Path, frame: int = -1) -> list[Atoms]:
    """One frame of every replica of a run folder, or of a file.

    Raises
    ------
    InputError
        If nothing can be read there.
    """
    from carbonize.io.frames import read_frames

    if path.is_dir():
        from carbonize.io.rundir import load_run

        files = sorted(load_run(path).paths.trajectories.glob("replica-*.gsd"))
        if not files:
            raise InputError(f"{path}: the run has no trajectory yet")
        return [atoms for file in files for _, atoms in read_frames(file, frame)]
    return [atoms for _, atoms in read_frames(path, frame)]


def simulate_measurement(source: Path, frame: int, quantities: Iterable[str], polarised: bool) -> Simulated:
    """Analyse the frames for what is to be compared, and their curves.

    Parameters
    ----------
    source
        Run folder or structure file.
    frame
        Number of the frame, -1 the last.
    quantities
        Names from :data:`carbonize.experiment.table_file.QUANTITIES`.
    polarised
        Whether the powder pattern is to carry the polarisation factor.

    Raises
    ------
    InputError
        Naming the source, if a frame cannot be read or analysed.
    """
    from carbonize.analysis.frame import analyze
    from carbonize.analysis.scattering.curves import scattering_curves

    parts = list(dict.fromkeys(["scattering", *(part for q in quantities for part in QUANTITIES[q].parts)]))
    frames, found = [], []
    for atoms in last_structures(source, frame):
        try:
            frames.append(analyze(atoms, what=parts))
            found.append(scattering_curves(atoms))
        except InputError as error:
            raise InputError(f"{source}: {str(error).removeprefix('the structure: ')}") from None
    xrd = "xrd_intensity_polarised" if polarised else "xrd_intensity"
    curves = {"xrd": _mean(found, xrd, "q_xrd")}
    if all("saxs_intensity" in one for one in found):
        curves["saxs"] = _mean(found, "saxs_intensity", "q_saxs")
    return Simulated(str(source), frames, curves)


def value_of(simulated: Simulated, quantity: str) -> tuple[float | None, float | None, str | None]:
    """Mean over the replicas, its standard error, and why there is none.

    The error is the spread between replicas where there are several, else that of the fit.
    """
    place = QUANTITIES[quantity]
    values = [_number(frame, place.place) for frame in simulated.frames]
    known = [value for value in values if value is not None]
    if not known:
        return None, None, _reason(simulated.frames[0], place.place)
    mean = float(np.mean(known))
    if len(known) > 1:
        return mean, float(np.std(known, ddof=1) / np.sqrt(len(known))), None
    if quantity == "plateau_mAh_g":
        low, _, high = next(f for f in simulated.frames if f)["capacity"]["plateau_mAh_g"]
        return mean, (high - low) / 2, None
    return mean, _number(simulated.frames[0], place.error) if place.error else None, None


def _number(frame: dict[str, Any], keys: tuple[str, ...]) -> float | None:
    value: Any = frame
    for key in keys:
        if key == "law" and value is not None:  # of several estimates the one whose law holds
            law = frame["scattering"]["raman"]["law"]
            return value.get(law) if law else None
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, list):
        value = value[1]  # low, best, high
    return None if value is None else float(value)


def _reason(frame: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    """What the analysis says about a number that it does not give."""
    holder: Any = frame
    for key in keys[:-1]:
        holder = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(holder, dict):
        return frame.get("scattering", {}).get("raman", {}).get("reason") if "raman" in keys else None
    name = keys[-1].removesuffix("_A")
    return holder.get(f"{name}_reason") or holder.get("d002_reason" if name == "layers" else "reason")


def _mean(found: list[dict[str, Any]], name: str, axis: str) -> tuple[np.ndarray, np.ndarray]:
    first = found[0][name]
    grid = np.asarray(first[axis].values, float)
    rows = [
        np.interp(grid, np.asarray(one[name][axis].values, float), np.asarray(one[name].values, float))
        for one in found
    ]
    return grid, np.mean(rows, axis=0)
