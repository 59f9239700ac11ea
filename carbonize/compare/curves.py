"""Quantities on their way: against time, temperature and thermal dose, aligned between protocols."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from carbonize.compare.comparison import Comparison
from carbonize.compare.quantities import Quantity, record_value
from carbonize.compare.replica import Replica
from carbonize.compare.statistics import contrast
from carbonize.schedules.arrhenius import thermal_dose

__all__ = ["ALIGNMENTS", "STATISTICS", "activation_energy", "curves_dataset"]

ALIGNMENTS = {"time": "time_ps", "temperature": "temperature_K", "dose": "thermal_dose_ps"}
"""Ways of aligning, and the coordinate of each."""

STATISTICS = ("mean", "ci95_low", "ci95_high")

_FOLLOWED = (
    "sp2",
    "sp",
    "sp3",
    "dangling",
    "density_g_cm3",
    "largest_included_sphere_A",
    "largest_free_sphere_A",
    "class_volume_cm3_g",
    "rings",
)
_TEMPERATURE_STEP_K = 50.0
_POINTS = 200
_LEAST_DOSE = 1e-4  # of the largest

Lines = tuple[Float[np.ndarray, " frame"], Float[np.ndarray, "replica frame"]]


def curves_dataset(found: Comparison) -> Any:
    """Every followed quantity as mean and 95 % interval (Student's) over replicas, and the finals of every replica.

    Returns
    -------
    xarray.Dataset
        ``<quantity>_against_<time|temperature|dose>`` over (protocol, coordinate, statistic),
        ``final_<quantity>`` over (protocol, unit), ``target_K`` and ``measured_K`` over (protocol, time).
        Names have a dot between their parts; units stand in the attributes. nan where a protocol
        has ended, or less than two replicas give no interval.
    """
    import xarray as xr

    names = list(found.protocols)
    grids: dict[str, np.ndarray] = {"time": _time_grid(found.protocols), **_temperature_grid(found.protocols)}
    energy = activation_energy(found)
    doses = (
        {}
        if energy is None
        else {name: _dose(own[0], found, energy) for name, own in found.protocols.items()}
    )
    if doses:
        # rates differ by orders of magnitude between temperatures, and so do doses
        largest = max(float(dose[-1]) for dose in doses.values())
        grids["dose"] = largest * np.geomspace(_LEAST_DOSE, 1.0, _POINTS)
    variables: dict[str, Any] = {}
    for quantity in found.quantities:
        if not quantity.headline or quantity.name[0] not in _FOLLOWED:
            continue
        lines = {name: _lines(own, quantity) for name, own in found.protocols.items()}
        attributes = {"units": quantity.raw_unit, "long_name": quantity.label}
        for way, grid in grids.items():
            stack = [
                _along(
                    found.protocols[name],
                    *_aligned(way, lines[name], found.protocols[name], doses.get(name), grid),
                )
                for name in names
            ]
            dims = ("protocol", ALIGNMENTS[way], "statistic")
            variables[f"{quantity.dotted}_against_{way}"] = (dims, np.stack(stack), attributes)
    variables |= _temperatures(found.protocols, grids["time"])
    variables |= _finals(found)
    coords = {"protocol": names, "statistic": list(STATISTICS), **_units(found)}
    units = {"time": "ps", "temperature": "K", "dose": "ps"}
    for way, grid in grids.items():
        coords[ALIGNMENTS[way]] = (ALIGNMENTS[way], grid, {"units": units[way], "long_name": _MEANINGS[way]})
    attributes = {"title": "carbonize compare", "source": ", ".join(found.sources)}
    if energy is not None:
        attributes |= {"activation_energy_eV": energy, "reference_K": found.options.reference_K}
    return xr.Dataset(variables, coords=coords, attrs=attributes)


_MEANINGS = {
    "time": "simulated time",
    "temperature": "highest temperature of the schedule so far; cooling after the hottest is left out",
    "dose": "time at the reference temperature with the same integral of exp(-Ea/kT)",
}


def activation_energy(found: Comparison) -> float | None:
    """Activation energy (eV) of the dose: the one asked for, or the protocols' own if they agree."""
    if found.options.activation_energy_eV is not None:
        return found.options.activation_energy_eV
    told = [own[0].run.protocol.equivalence for own in found.protocols.values()]
    known = {equivalence.activation_energy_eV if equivalence else None for equivalence in told}
    return known.pop() if len(known) == 1 else None


def _lines(own: Sequence[Replica], quantity: Quantity) -> Lines:
    """Times (ps) of the first replica's frames, and the quantity of every replica at them."""
    times = np.array([float(record["time_ps"]) for record in own[0].records])
    values = []
    for replica in own:
        at = np.array([float(record["time_ps"]) for record in replica.records])
        here = np.array([record_value(record, quantity) for record in replica.records])
        values.append(here if np.array_equal(at, times) else _onto(times, at, here))
    return times, np.stack(values)


def _onto(grid: np.ndarray, at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Straight lines between points; nan beside a nan and beyond the ends."""
    if at.size < 2:
        return np.where(np.isin(grid, at), values[0] if values.size else np.nan, np.nan)
    return np.interp(grid, at, values, left=math.nan, right=math.nan)


def _aligned(
    way: str, lines: Lines, own: Sequence[Replica], dose: np.ndarray | None, grid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where on the grid a protocol has values, and the values (replica, point)."""
    times, values = lines
    if way == "time":
        return grid, np.stack([_onto(grid, times, row) for row in values])
    if way == "dose":
        assert dose is not None
        return grid, np.stack([_onto(grid, *_rising(dose, row)) for row in values])
    target = np.array([float(record.get("target_K") or math.nan) for record in own[0].records])
    so_far = np.fmax.accumulate(target)
    hot = np.flatnonzero(target >= np.nanmax(target) - 1e-9)
    end = int(hot[-1]) + 1 if hot.size else 0
    return grid, np.stack([_onto(grid, *_rising(so_far[:end], row[:end])) for row in values])


def _rising(x: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of points at one x the last: what a hold has led to."""
    if not x.size:
        return np.zeros(0), np.zeros(0)
    last = np.append(np.diff(x) > 1e-12 * max(1.0, float(np.nanmax(np.abs(x)))), True)
    return x[last], values[last]


def _along(own: Sequence[Replica], grid: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean and interval at every point, shape (point, statistic)."""
    found = np.full((grid.size, len(STATISTICS)), np.nan)
    blocks: dict[Any, list[int]] = {}
    for place, replica in enumerate(own):
        blocks.setdefault(replica.key.block, []).append(place)
    whole = np.isfinite(values).all(axis=0)
    if whole.any():
        sample = [values[rows][:, whole].T for rows in blocks.values()]
        if all(block.shape[-1] == 1 for block in sample) and len(sample) > 1:
            sample = [np.concatenate(sample, axis=-1)]  # one replica a precursor: precursors are the sample
        made = contrast([sample], resamples=0)  # a band of Student's t: hundreds of points
        found[whole] = np.stack([made.value, made.low, made.high], axis=-1)
    # where only some have a value (nothing winds in the others), their mean without an interval
    some = np.isfinite(values).any(axis=0) & ~whole
    found[some, 0] = np.nanmean(values[:, some], axis=0) if some.any() else []
    return found


def _time_grid(protocols: Mapping[str, Sequence[Replica]]) -> np.ndarray:
    times = {round(float(r["time_ps"]), 9) for own in protocols.values() for r in own[0].records}
    grid = np.array(sorted(times))
    return grid if grid.size <= 4 * _POINTS else np.linspace(grid[0], grid[-1], 2 * _POINTS)


def _temperature_grid(protocols: Mapping[str, Sequence[Replica]]) -> dict[str, np.ndarray]:
    """Levels from the coolest to the hottest of all schedules; none where nothing is heated."""
    targets = [
        float(r["target_K"])
        for own in protocols.values()
        for r in own[0].records
        if r.get("target_K") is not None
    ]
    if not targets or max(targets) - min(targets) < 1.0:
        return {}
    low, high = min(targets), max(targets)
    inner = np.arange(math.ceil(low / _TEMPERATURE_STEP_K), math.floor(high / _TEMPERATURE_STEP_K) + 1)
    return {"temperature": np.unique(np.concatenate([[low], inner * _TEMPERATURE_STEP_K, [high]]))}


def _schedule_line(replica: Replica, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Times (ps) and temperatures (K) of the series."""
    own = replica.run.series.sel(replica=replica.number)
    times, values = own["time_ps"].values, own[column].values
    known = np.isfinite(times) & np.isfinite(values)
    return times[known], values[known]


def _dose(replica: Replica, found: Comparison, energy: float) -> np.ndarray:
    """Dose (ps at the reference temperature) at every analysed frame of a protocol."""
    times, target = _schedule_line(replica, "target_K")
    at = np.array([float(record["time_ps"]) for record in replica.records])
    if not times.size:
        times, target = at, np.array([float(r.get("target_K") or 0.0) for r in replica.records])
    return np.interp(at, times, thermal_dose(times, target, energy, found.options.reference_K))


def _temperatures(protocols: Mapping[str, Sequence[Replica]], grid: np.ndarray) -> dict[str, Any]:
    """Target and measured temperature of each protocol, the latter as mean over its replicas."""

    def mean(own: Sequence[Replica], column: str) -> np.ndarray:
        rows = np.stack([_onto(grid, *_schedule_line(r, column)) for r in own])
        known = np.isfinite(rows)
        return np.where(
            known.any(axis=0), np.where(known, rows, 0.0).sum(axis=0) / np.fmax(known.sum(axis=0), 1), np.nan
        )

    dims = ("protocol", ALIGNMENTS["time"])
    told: dict[str, Callable[[Sequence[Replica]], np.ndarray]] = {
        "target_K": lambda own: mean(own[:1], "target_K"),
        "measured_K": lambda own: mean(own, "temperature_K"),
    }
    return {
        name: (dims, np.stack([get(own) for own in protocols.values()]), {"units": "K"})
        for name, get in told.items()
    }


def _finals(found: Comparison) -> dict[str, Any]:
    most = max(len(own) for own in found.protocols.values())
    variables = {}
    for quantity in found.quantities:
        table = np.full((len(found.protocols), most), np.nan)
        for row, name in enumerate(found.protocols):
            own = list(found.values[quantity.dotted][name].values())
            table[row, : len(own)] = own
        attributes = {"units": quantity.raw_unit, "long_name": quantity.label}
        variables[f"final_{quantity.dotted}"] = (("protocol", "unit"), table, attributes)
    return variables


def _units(found: Comparison) -> dict[str, Any]:
    """Precursor, potential and replica of every unit of every protocol, as text."""
    most = max(len(own) for own in found.protocols.values())

    def table(get: Callable[[Replica], str]) -> tuple[tuple[str, str], np.ndarray]:
        rows = [[get(r) for r in own] + [""] * (most - len(own)) for own in found.protocols.values()]
        return ("protocol", "unit"), np.array(rows, dtype=object)

    return {
        "precursor": table(lambda r: r.key.block.precursor),
        "potential": table(lambda r: r.key.block.potential),
        "replica": table(lambda r: str(r.key.replica)),
    }
