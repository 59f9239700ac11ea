"""What is compared: quantities of a replica's end, by the names they have in comparison.json."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from carbonize.compare.headlines import Path, Quantity, known_quantities
from carbonize.compare.replica import Replica
from carbonize.tracking.track import FEWEST_FRAMES

__all__ = ["Quantity", "final_values", "quantities_of", "record_value"]

_NOT_RESULTS = {"index", "n_atoms", "step", "cutoff_A", "coordination_fraction", "certificate", "items", "on"}
_NOTHING = 1e-9
_ENDINGS = (("_cm3_g", "cm³/g"), ("_g_cm3", "g/cm³"), ("_m2_g", "m²/g"), ("_mAh_g", "mAh/g"), ("_A3", "Å³"),
            ("_A2", "Å²"), ("_A", "Å"), ("_K", "K"), ("_deg", "°"), ("_eV_per_atom", "eV/atom"))  # fmt: skip


def quantities_of(replicas: Sequence[Replica]) -> list[Quantity]:
    """The known ones that were measured, then every other number of a last frame, by its path there.

    Numbers that are the same in every replica (settings) are left out of the others, as are
    errors of other numbers.
    """
    probes = list(replicas[0].run.protocol.analysis.probes_A)
    known = [quantity for quantity in known_quantities(probes) if _is_there(quantity, replicas)]
    taken = {q.source for q in known} | {q.name for q in known}
    seen: dict[Path, set[float]] = {}
    for replica in replicas:
        for path, value in _leaves(replica.records[-1]["frame"]):
            if path not in taken:
                seen.setdefault(path, set()).add(value)
    others = [_other(path) for path, values in seen.items() if len(values) > 1]
    return known + others


def _is_there(quantity: Quantity, replicas: Sequence[Replica]) -> bool:
    """Whether a quantity was measured at all; measured and found to be nothing counts."""
    if not quantity.source:
        return any(math.isfinite(final_values(replica, [quantity])[0]) for replica in replicas)
    for replica in replicas:
        value: Any = replica.records[-1]["frame"]
        for key in quantity.source[:-1]:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, Mapping) and quantity.source[-1] in value:
            return True
    return False


def _leaves(frame: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, float]]:
    for key, value in frame.items():
        if key in _NOT_RESULTS or "error" in key:
            continue
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, str(key)))
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield (*above, str(key)), float(value)


def _other(path: Path) -> Quantity:
    unit = next((unit for ending, unit in _ENDINGS if path[-1].endswith(ending)), "")
    return Quantity(path, path, " ".join(path).replace("_", " "), unit, digits=4, headline=False)


def record_value(record: Mapping[str, Any], quantity: Quantity) -> float:
    """A quantity of one analysis record; nan where it has none."""
    if quantity.name == ("dangling",):
        shares = (record["frame"].get("bonding") or {}).get("coordination_fraction")
        return math.nan if shares is None else float(shares.get("0", 0.0)) + float(shares.get("1", 0.0))
    value: Any = record["frame"] if quantity.source else None
    for key in quantity.source:
        value = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, list):
        value = value[quantity.item] if quantity.item < len(value) else None
    if value is None or isinstance(value, bool | str | Mapping):
        return math.nan
    # volumes of nothing come out as 1e-14: no replica differs from another by that
    return float(value) if abs(value) > _NOTHING else 0.0


def final_values(replica: Replica, quantities: Sequence[Quantity], over_stage: bool = False) -> list[float]:
    """Every quantity at a replica's end; nan where it has none.

    Parameters
    ----------
    over_stage
        The mean over the analysed frames of the schedule's last stage instead of the last frame.
    """
    records, begin = replica.records[-1:], int(replica.records[-1]["step"])
    if over_stage:
        begin = _last_stage_begins(replica)
        records = [r for r in replica.records if r["step"] > begin] or records
    closing = _closing_temperatures(replica)
    values = []
    for quantity in quantities:
        if quantity.name[0] == "closing_temperature_K":
            values.append(closing.get(quantity.name[1], math.nan))
        elif quantity.name == ("potential_eV_per_atom",):
            values.append(_energy(replica, begin))
        else:
            known = [v for v in (record_value(r, quantity) for r in records) if math.isfinite(v)]
            values.append(float(np.mean(known)) if known else math.nan)
    return values


def _last_stage_begins(replica: Replica) -> int:
    """The step at which the schedule's last stage begins: where all before it end."""
    from carbonize.schedules.schedule import compile_schedule

    protocol = replica.run.protocol
    which = protocol.schedule_of(replica.number)
    name, stages = protocol.named_schedules[which]
    if len(stages) == 1:
        return 0
    timestep_fs, scale = protocol.dynamics.timestep_fs, protocol.time_scales[which]
    return compile_schedule(stages[:-1], timestep_fs, name, scale).total_steps


def _energy(replica: Replica, begin: int) -> float:
    """Potential energy (eV/atom) of the last sample, or the mean of those after step ``begin``."""
    series = replica.run.series
    if replica.number not in series["replica"].values:
        return math.nan
    own = series.sel(replica=replica.number)
    step, energy = own["step"].values, own["potential_eV_per_atom"].values
    known = np.isfinite(energy)
    step, energy = step[known], energy[known]
    if not energy.size:
        return math.nan
    late = energy[step > begin]
    return float(late.mean()) if late.size else float(energy[-1])


def _closing_temperatures(replica: Replica) -> dict[str, float]:
    """Median temperature (K) at which pores of a replica lost each probe for good; only where some did."""
    table = replica.run.paths.tracking / "pore_events.csv"
    tracking = replica.run.tracking
    if tracking is None or int(tracking.get("frames", 0)) < FEWEST_FRAMES or not table.is_file():
        return {}
    found: dict[str, list[float]] = {}
    with open(table, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            event = str(row.get("event"))
            if row.get("replica") != str(replica.number) or not event.startswith("lost_"):
                continue
            if row.get("for_good") == "1" and row.get("temperature_K"):
                found.setdefault(event.removeprefix("lost_"), []).append(float(row["temperature_K"]))
    return {probe: float(np.median(temperatures)) for probe, temperatures in found.items()}
