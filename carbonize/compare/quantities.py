"""What is compared: quantities of a replica's end, by the names they have in comparison.json."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from carbonize.compare.sources import Replica
from carbonize.io.results import CLASS_NAMES
from carbonize.tracking.track import FEWEST_FRAMES

__all__ = ["Quantity", "final_values", "quantities_of", "record_value"]

Path = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Quantity:
    """One number of a replica.

    Attributes
    ----------
    name
        Its keys in comparison.json; with dots between them its name in ``differences``.
    source
        Its keys in an analysis record's frame; empty if it comes from elsewhere.
    label
        In a sentence: "more ... than".
    unit
        As shown; ``factor`` takes the number there.
    words
        Comparatives for a larger and a smaller one.
    digits
        After the point, as shown.
    headline
        Chosen beforehand as what protocols are compared by; others are looked at for hints.
    item
        Which number of a list, where the record has one.
    """

    name: Path
    source: Path
    label: str
    unit: str = ""
    factor: float = 1.0
    words: tuple[str, str] = ("a higher", "a lower")
    digits: int = 3
    headline: bool = True
    item: int = 0

    @property
    def raw_unit(self) -> str:
        """Unit of the number before ``factor``, in ASCII as in analysis.nc."""
        plain = {"points": "1", "": "1", "Å": "angstrom", "Å²": "angstrom2", "Å³": "angstrom3", "°": "degree"}
        return plain.get(self.unit, self.unit.replace("³", "3").replace("²", "2"))

    @property
    def dotted(self) -> str:
        """Name in one word.

        >>> Quantity(("class_volume_cm3_g", "closed"), (), "closed pore volume").dotted
        'class_volume_cm3_g.closed'
        """
        return ".".join(self.name)


_MORE, _LARGER, _WIDER = ("more", "less"), ("a larger", "a smaller"), ("a wider", "a narrower")


def _share(name: str, source: Path, label: str) -> Quantity:
    return Quantity((name,), source, label, "points", 100.0, _MORE, 2)


def _headlines(probes: Sequence[str]) -> list[Quantity]:
    """The quantities chosen beforehand, in the order in which they are shown."""
    pores = ("pores",)
    found = [
        _share("sp2", ("bonding", "sp2"), "sp²"),
        _share("sp", ("bonding", "sp"), "sp"),
        _share("sp3", ("bonding", "sp3"), "sp³"),
        _share("dangling", (), "dangling atoms"),
        Quantity(("rings", "hexagon_fraction"), ("rings", "hexagon_fraction"), "hexagons among the rings", "points", 100.0, _MORE, 2),
        Quantity(("density_g_cm3",), ("density_g_cm3",), "density", "g/cm³"),
        Quantity(("largest_included_sphere_A",), (*pores, "largest_included_sphere_A"), "Di (widest cavity)", "Å", 1.0, _LARGER, 2),
        Quantity(("largest_free_sphere_A",), (*pores, "largest_free_sphere_A"), "Df (widest way through)", "Å", 1.0, _LARGER, 2),
    ]  # fmt: skip
    for name in CLASS_NAMES:
        source = (*pores, "classes", name, "volume_cm3_g")
        label = f"{name.replace('fully-closed', 'fully closed')} pore volume"
        found.append(Quantity(("class_volume_cm3_g", name), source, label, "cm³/g", 1.0, _MORE))
        # its sum over classes is 1: volumes say more, so these are not among the headlines
        fraction = (*pores, "classes", name, "fraction")
        label = f"{name.replace('fully-closed', 'fully closed')} share of the void"
        found.append(
            Quantity(("class_fraction", name), fraction, label, "points", 100.0, _MORE, 1, headline=False)
        )
    found += [
        Quantity(("helium_density_g_cm3",), (*pores, "helium_density_g_cm3"), "helium density", "g/cm³"),
        Quantity(("closed_pore_volume_cm3_g",), (*pores, "closed_pore_volume_cm3_g"), "pore volume closed to helium", "cm³/g", 1.0, _MORE),
        Quantity(("mean_pore_size_A",), (*pores, "pore_size_distribution", "mean_A"), "mean pore size", "Å", 1.0, _LARGER, 2),
    ]  # fmt: skip
    for probe in probes:
        source = (*pores, "probes", probe, "accessible_area_m2_g")
        found.append(
            Quantity(
                ("accessible_area_m2_g", probe),
                source,
                f"area for {probe}",
                "m²/g",
                1.0,
                _MORE,
                1,
                headline=False,
            )
        )
    for probe in probes:
        label = f"closing temperature to {probe}"
        found.append(Quantity(("closing_temperature_K", probe), (), label, "K", digits=0))
    xrd, saxs = ("scattering", "xrd"), ("scattering", "saxs")
    found += [
        Quantity(("potential_eV_per_atom",), (), "potential energy", "eV/atom", digits=4, headline=False),
        Quantity((*xrd, "d002_A"), (*xrd, "d002_A"), "layer spacing d002", "Å", 1.0, _WIDER, 3),
        Quantity((*xrd, "Lc_A"), (*xrd, "Lc_A"), "stack height Lc", "Å", 1.0, _LARGER, 2),
        Quantity((*xrd, "La_A"), (*xrd, "La_A"), "layer width La", "Å", 1.0, _LARGER, 2),
        Quantity((*saxs, "R_A"), (*saxs, "R_A"), "pore radius by SAXS", "Å", 1.0, _LARGER, 2),
        Quantity(("capacity", "plateau_mAh_g"), ("capacity", "plateau_mAh_g"), "plateau capacity (estimate)", "mAh/g", 1.0, digits=0, item=1),
    ]  # fmt: skip
    return found


_NOT_RESULTS = {"index", "n_atoms", "step", "cutoff_A", "coordination_fraction", "certificate", "items", "on"}
_ENDINGS = (("_cm3_g", "cm³/g"), ("_g_cm3", "g/cm³"), ("_m2_g", "m²/g"), ("_mAh_g", "mAh/g"), ("_A3", "Å³"),
            ("_A2", "Å²"), ("_A", "Å"), ("_K", "K"), ("_deg", "°"), ("_eV_per_atom", "eV/atom"))  # fmt: skip


def quantities_of(replicas: Sequence[Replica]) -> list[Quantity]:
    """The headlines that were measured, then every other number that a last frame holds, by its path there.

    Numbers that are the same in every replica (settings) are left out of the others, as are
    errors of other numbers.
    """
    probes = list(replicas[0].run.protocol.analysis.probes_A)
    headlines = [quantity for quantity in _headlines(probes) if _is_there(quantity, replicas)]
    taken = {q.source for q in headlines} | {q.name for q in headlines}
    seen: dict[Path, set[float]] = {}
    for replica in replicas:
        for path, value in _leaves(replica.records[-1]["frame"]):
            if path not in taken:
                seen.setdefault(path, set()).add(value)
    others = [_other(path) for path, values in seen.items() if len(values) > 1]
    return headlines + others


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
    return float(value)


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
    from carbonize.schedules.schedule import compile_schedule

    protocol = replica.run.protocol
    stages = protocol.named_schedules[protocol.schedule_of(replica.number)][1]
    return compile_schedule(stages, protocol.dynamics.timestep_fs).start_step[-1]


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
