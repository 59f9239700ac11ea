"""First and last analysed frame side by side: means over replicas, and plain sentences about them.

The sentences follow the numbers, whichever way they went, and claim no more than one
short simulation can show.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from carbonize.report.numbers import MISSING, change, length, number, percent, spread, volume
from carbonize.report.style import CLASS_LABELS

__all__ = ["Pair", "Row", "Sentence", "first_and_last", "headline_rows", "reading"]

Record = Mapping[str, Any]
_TOO_CLOSE_A = 0.15
_KINDS = ("sp", "sp2", "sp3", "dangling")
_KIND_NAMES = {"sp": "sp", "sp2": "sp²", "sp3": "sp³", "dangling": "dangling atoms"}


@dataclasses.dataclass(frozen=True)
class Pair:
    """One quantity at the first and at the last frame.

    ``first`` and ``last`` are means over the replicas that have a value (nan if none has);
    ``low`` and ``high`` the smallest and largest at the last frame; ``missing`` counts the
    replicas without a value at the last frame. ``band`` says in words how far the last one is
    uncertain, where that is known.
    """

    first: float
    last: float
    low: float
    high: float
    missing: int = 0
    band: str = ""

    @property
    def known(self) -> bool:
        """Whether both ends have a value."""
        return math.isfinite(self.first) and math.isfinite(self.last)


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the headline table, as text."""

    name: str
    first: str
    last: str
    change: str
    color: str = ""
    spread: str = ""


@dataclasses.dataclass(frozen=True)
class Sentence:
    """A finding: a short heading, and what the numbers say."""

    topic: str
    text: str


def _value(record: Record, *keys: str) -> float:
    value: Any = record["frame"]
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return float("nan") if value is None else float(value)


def _share(record: Record, kind: str) -> float:
    if kind != "dangling":
        return _value(record, "bonding", kind)
    shares = (record["frame"].get("bonding") or {}).get("coordination_fraction") or {}
    return float(shares.get("0", 0.0)) + float(shares.get("1", 0.0))


def _ends(records: Sequence[Record]) -> list[tuple[Record, Record]]:
    """First and last record of every replica."""
    ends: dict[int, list[Record]] = {}
    for record in sorted(records, key=lambda r: (r["replica"], r["step"])):
        ends.setdefault(int(record["replica"]), []).append(record)
    return [(own[0], own[-1]) for own in ends.values()]


def first_and_last(records: Sequence[Record]) -> dict[str, Pair]:
    """Every headline quantity of the first and last frames.

    Keys: sp, sp2, sp3, dangling (fractions), density (g/cm3), Di, Df (A), temperature (K),
    void (cm3/g, all classes) and one key a pore class (cm3/g).
    """
    ends = _ends(records)

    def pair(get: Any) -> Pair:
        first = [get(a) for a, _ in ends]
        last = [get(b) for _, b in ends]
        return _pair(first, last)

    found = {kind: pair(lambda r, k=kind: _share(r, k)) for kind in _KINDS}
    found["density"] = pair(lambda r: _value(r, "density_g_cm3"))
    found["Di"] = pair(lambda r: _value(r, "pores", "largest_included_sphere_A"))
    found["Df"] = pair(lambda r: _value(r, "pores", "largest_free_sphere_A"))
    found["temperature"] = pair(lambda r: float(r["temperature_K"]))
    for name in CLASS_LABELS:
        volumes = pair(lambda r, n=name: _value(r, "pores", "classes", n, "volume_cm3_g"))
        found[name] = dataclasses.replace(volumes, band=_band(name, [last for _, last in ends]))
    found["void"] = pair(
        lambda r: sum(_value(r, "pores", "classes", n, "volume_cm3_g") for n in CLASS_LABELS)
    )
    return found


def _band(name: str, records: Sequence[Record]) -> str:
    """The range of a class volume while radii are uncertain, as text; means over replicas."""
    bands = [(r["frame"].get("pores") or {}).get("radius_uncertainty") for r in records]
    known = [band for band in bands if band]
    if not known:
        return ""
    ranges = [band["classes"][name]["volume_cm3_g"] for band in known]
    low, high = (number(sum(ends) / len(ranges), 3) for ends in zip(*ranges, strict=True))
    return f"{low} to {high} with radii ± {known[0]['delta_A']:g} Å"


def _pair(first: list[float], last: list[float]) -> Pair:
    def mean(values: list[float]) -> float:
        known = [v for v in values if math.isfinite(v)]
        return sum(known) / len(known) if known else float("nan")

    ends = [v for v in last if math.isfinite(v)]
    low, high = min(ends, default=float("nan")), max(ends, default=float("nan"))
    return Pair(mean(first), mean(last), low, high, len(last) - len(ends))


def headline_rows(pairs: Mapping[str, Pair], colors: Mapping[str, str], replicas: int = 1) -> list[Row]:
    """The headline table; ``colors`` gives the dot of bonding kinds and pore classes."""
    rows = []
    names = {
        "sp2": "sp² atoms (3 neighbours)",
        "sp": "sp atoms (2 neighbours)",
        "sp3": "sp³ atoms (4 neighbours)",
        "dangling": "dangling atoms (0 or 1 neighbours)",
    }
    for kind, name in names.items():
        p = pairs[kind]
        delta = change(100 * p.first, 100 * p.last, 1, "points")
        around = spread(p.low, p.high, 1, 100.0)
        rows.append(Row(name, percent(p.first), percent(p.last), delta, colors[kind], around))
    p = pairs["density"]
    first, last = (f"{number(value, 3)} g/cm³" for value in (p.first, p.last))
    rows.append(Row("density", first, last, change(p.first, p.last, 3, "g/cm³")))
    for key, name in (("Di", "widest cavity, Di"), ("Df", "widest way through the cell, Df")):
        p = pairs[key]
        none = "none" if key == "Df" else MISSING
        rest = f"none in {p.missing} of {replicas}" if key == "Df" and 0 < p.missing < replicas else ""
        around = " ".join(text for text in (spread(p.low, p.high, 2), rest) if text)
        delta = change(p.first, p.last, 2, "Å")
        rows.append(Row(name, length(p.first, none), length(p.last, none), delta, "", around))
    for key, label in {**CLASS_LABELS, "void": "void for helium, all classes"}.items():
        p = pairs[key]
        name = f"{label} pores" if key != "void" else label
        delta = change(p.first, p.last, 3, "cm³/g")
        around = "; ".join(text for text in (spread(p.low, p.high, 3), p.band) if text)
        rows.append(Row(name, volume(p.first), volume(p.last), delta, colors.get(key, ""), around))
    return rows


def reading(
    pairs: Mapping[str, Pair],
    n_atoms: int,
    replicas: int,
    probes_A: Mapping[str, float],
    one_frame: bool = False,
) -> list[Sentence]:
    """What the numbers say, in plain words; with ``one_frame`` there is nothing to compare."""
    if one_frame:
        alone = (
            "Only one frame has been analysed so far: first and last are the same frame, "
            "so nothing can be compared yet."
        )
        return [Sentence("One frame only", alone), Sentence("Access", _access(pairs, replicas, probes_A))]
    return [
        Sentence("Bonding", _bonding(pairs, n_atoms * replicas)),
        Sentence("Cavities", _cavities(pairs, replicas)),
        Sentence("Access", _access(pairs, replicas, probes_A)),
        Sentence("Pore volume", _volumes(pairs)),
        *_temperature_note(pairs),
    ]


def _moved(p: Pair, tolerance: float) -> int:
    """+1 rose, -1 fell, 0 within the tolerance or unknown."""
    if not p.known or abs(p.last - p.first) <= tolerance:
        return 0
    return 1 if p.last > p.first else -1


def _bonding(pairs: Mapping[str, Pair], atoms: int) -> str:
    # less than a point, or a handful of atoms, is thermal noise between two single frames
    tolerance = max(0.01, 3.0 / max(atoms, 1))
    verb = {1: "rose", -1: "fell", 0: "hardly changed"}
    moves = {kind: _moved(pairs[kind], tolerance) for kind in _KINDS}
    parts = []
    for kind in ("sp2", "sp", "sp3", "dangling"):
        p = pairs[kind]
        way = "from {} to {}" if moves[kind] else "{} before, {} after"
        numbers = way.format(percent(p.first), percent(p.last))
        parts.append(f"{_KIND_NAMES[kind]} {verb[moves[kind]]} ({numbers})")
    if moves["sp2"] > 0:
        defects = [_KIND_NAMES[k] for k in ("sp", "sp3", "dangling") if moves[k] < 0]
        verdict = "The network became more graphite-like" + (
            f": atoms turned threefold at the cost of {_listed(defects)}." if defects else "."
        )
    elif moves["sp2"] < 0:
        verdict = "The network became less graphite-like: bonds were lost or changed faster than they healed."
    else:
        verdict = "By this measure the network did not become more graphite-like."
    return f"{verdict} In shares of all atoms, {_listed(parts)}."


def _cavities(pairs: Mapping[str, Pair], replicas: int) -> str:
    p = pairs["Di"]
    if not p.known:
        return "No pore analysis of the first or of the last frame is there."
    word = {1: "widened", -1: "narrowed", 0: "kept its width"}[_moved(p, 0.2)]
    mean = " (means over replicas)" if replicas > 1 else ""
    text = (
        f"The widest cavity {word}: a ball of {length(p.first)} fitted into the first frame, "
        f"one of {length(p.last)} into the last{mean}."
    )
    d = pairs["density"]
    if d.known and abs(d.last - d.first) < 0.002:
        text += (
            f" The cell kept its volume (density {number(d.last, 3)} g/cm³), "
            "so cavities can grow only where walls draw together."
        )
    return text


def _access(pairs: Mapping[str, Pair], replicas: int, probes_A: Mapping[str, float]) -> str:
    p = pairs["Df"]
    if not pairs["Di"].known:
        return "Unknown without a pore analysis."
    if p.missing == replicas:
        return (
            "In the last frame no path of void leads through the periodic cell at all: "
            "there is no outside, and every pore counts as fully closed."
        )
    before = f"{length(p.first)} in the first frame" if math.isfinite(p.first) else "none in the first frame"
    where = "The widest way through the material" + (" (mean over replicas)" if replicas > 1 else "")
    text = f"{where} is {length(p.last)} wide at its narrowest point in the last frame ({before})."
    ordered = sorted(probes_A.items(), key=lambda item: item[1])
    passes = [f"{name} ({d:g} Å)" for name, d in ordered if d <= p.last]
    blocked = [f"{name} ({d:g} Å)" for name, d in ordered if d > p.last]
    if passes:
        rest = f", {_listed(blocked)} cannot." if blocked else "."
        text += f" {_listed(passes)} can pass it as rigid balls{rest}"
    else:
        text += f" No probe can pass it ({_listed(blocked)})."
    close = [name for name, d in ordered if abs(d - p.last) < _TOO_CLOSE_A]
    if close:
        text += (
            f" For {_listed(close)} this is too close to call: entrances breathe by more than the difference."
        )
    return text


def _volumes(pairs: Mapping[str, Pair]) -> str:
    total = pairs["void"]
    if not total.known:
        return "No class volumes are known for the first or the last frame."
    text = f"Void that helium's centre can stand in went from {volume(total.first)} to {volume(total.last)}."
    if total.last > 0:
        largest = max(CLASS_LABELS, key=lambda n: pairs[n].last)
        share = pairs[largest].last / total.last
        text += f" In the last frame {number(100 * share, 0)} % of it is {CLASS_LABELS[largest]}."
    sealed_first = pairs["closed"].first + pairs["fully-closed"].first
    sealed_last = pairs["closed"].last + pairs["fully-closed"].last
    tolerance = max(0.002, 0.05 * max(sealed_first, sealed_last))
    moved = _moved(Pair(sealed_first, sealed_last, 0.0, 0.0), tolerance)
    word = {1: "grew", -1: "shrank", 0: "hardly changed"}[moved]
    text += (
        f" Closed and fully closed pores together {word} "
        f"({volume(sealed_first)} at first, {volume(sealed_last)} at last)."
    )
    return text


def _temperature_note(pairs: Mapping[str, Pair]) -> list[Sentence]:
    p = pairs["temperature"]
    if not p.known or abs(p.last - p.first) < 250:
        return []
    return [
        Sentence(
            "Mind the temperatures",
            f"The first frame is at {number(p.first, 0)} K, the last at {number(p.last, 0)} K. "
            "Part of the difference between them is thermal motion: hot atoms swing, "
            "and bonds near the cutoff flicker.",
        )
    ]


def _listed(words: Sequence[str]) -> str:
    """Words with commas, and an "and" before the last."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
