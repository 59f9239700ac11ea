"""From per-frame analysis records to analysis.nc, pores.csv and summary.json."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np

from carbonize.io.order_results import order_variables
from carbonize.io.scattering_results import scattering_variables

__all__ = ["CLASS_NAMES", "analysis_dataset", "pores_csv", "series_dataset", "summary"]

CLASS_NAMES = ("open", "quasi-closed", "closed", "fully-closed")

_SERIES_UNITS = {
    "step": "1",
    "time_ps": "ps",
    "target_K": "K",
    "temperature_K": "K",
    "mean_temperature_K": "K",
    "potential_eV_per_atom": "eV",
    "kinetic_eV_per_atom": "eV",
    "conserved_eV_per_atom": "eV",
    "pressure_GPa": "GPa",
    "mean_pressure_GPa": "GPa",
    "density_g_cm3": "g/cm3",
}

_PORE_COLUMNS = (
    "replica",
    "frame",
    "step",
    "time_ps",
    "temperature_K",
    "id",
    "class",
    "entrance_A",
    "diameter_A",
    "volume_A3",
    "center_x_A",
    "center_y_A",
    "center_z_A",
    "margin_A",
    "necks_A",
    "area_A2",
    "sphericity",
    "gyration_1_A2",
    "gyration_2_A2",
    "gyration_3_A2",
    "volume_margin",
    "probes",
    "winding",
)

_VOID_PARTS = {
    "channels": "connected parts of the accessible void in the cell",
    "pockets": "connected parts of the inaccessible void in the cell",
    "channel_dimensionality": "most independent directions in which a channel leads",
}

Records = list[dict[str, Any]]


def series_dataset(rows: Records) -> Any:
    """The live series as an :class:`xarray.Dataset` with dims (replica, sample)."""
    import xarray as xr

    replicas, steps, grid = _grid(rows)
    variables = {}
    for name, unit in _SERIES_UNITS.items():
        values = np.full((len(replicas), len(steps)), np.nan)
        for (r, s), row in grid.items():
            values[r, s] = _number(row.get(name))
        variables[name] = (("replica", "sample"), values, {"units": unit})
    return xr.Dataset(variables, coords={"replica": replicas})


def analysis_dataset(records: Records, attributes: dict[str, Any]) -> Any:
    """Analysis records as an :class:`xarray.Dataset` with dims (replica, frame, pore_class, probe,
    ring_size)."""
    import xarray as xr

    replicas, steps, grid = _grid(records)
    shape = (len(replicas), len(steps))
    probes: list[str] = []
    for record in records:
        probes += [p for p in (_pores(record).get("probes") or {}) if p not in probes]

    def collect(get: Any, extra: tuple[int, ...] = ()) -> np.ndarray:
        values = np.full(shape + extra, np.nan)
        for (r, s), record in grid.items():
            values[r, s] = get(record)
        return values

    def frame(*keys: str) -> np.ndarray:
        return collect(lambda record: _dig(record["frame"], *keys))

    def classes(key: str, *within: str, end: int | None = None) -> np.ndarray:
        return collect(
            lambda rec: [_dig(_pores(rec), *within, "classes", c, key, end=end) for c in CLASS_NAMES],
            (len(CLASS_NAMES),),
        )

    def per_probe(key: str) -> np.ndarray:
        return collect(lambda rec: [_dig(_pores(rec), "probes", p, key) for p in probes], (len(probes),))

    two, pore, probe = ("replica", "frame"), ("replica", "frame", "pore_class"), ("replica", "frame", "probe")
    variables: dict[str, Any] = {
        "step": (
            two,
            collect(lambda r: _number(r.get("step"))),
            {"units": "1", "long_name": "absolute step"},
        ),
        "time_ps": (two, collect(lambda r: _number(r.get("time_ps"))), {"units": "ps"}),
        "temperature_K": (two, collect(lambda r: _number(r.get("temperature_K"))), {"units": "K"}),
        "target_K": (two, collect(lambda r: _number(r.get("target_K"))), {"units": "K"}),
        "sp": (two, frame("bonding", "sp"), _share("atoms with 2 neighbours")),
        "sp2": (two, frame("bonding", "sp2"), _share("atoms with 3 neighbours")),
        "sp3": (two, frame("bonding", "sp3"), _share("atoms with 4 neighbours")),
        "dangling": (two, collect(_dangling), _share("atoms with 0 or 1 neighbours")),
        "mean_coordination": (two, frame("bonding", "mean_coordination"), {"units": "1"}),
        "mean_bond_length_A": (two, frame("bonding", "mean_bond_length_A"), {"units": "angstrom"}),
        "density_g_cm3": (two, frame("density_g_cm3"), {"units": "g/cm3"}),
        "largest_included_sphere_A": (
            two,
            frame("pores", "largest_included_sphere_A"),
            {"units": "angstrom", "long_name": "diameter of the largest included sphere"},
        ),
        "largest_free_sphere_A": (
            two,
            frame("pores", "largest_free_sphere_A"),
            {
                "units": "angstrom",
                "long_name": "diameter of the largest sphere that passes; nan: nothing passes",
            },
        ),
        "class_volume_A3": (pore, classes("volume_A3"), {"units": "angstrom3"}),
        "class_volume_cm3_g": (pore, classes("volume_cm3_g"), {"units": "cm3/g"}),
        **_bands(records, classes),
        "class_count": (pore, classes("count"), {"units": "1"}),
        "class_fraction": (pore, classes("fraction"), _share("the helium-centre void")),
        "probe_diameter_A": (probe, per_probe("diameter_A"), {"units": "angstrom"}),
    }
    for kind in ("accessible", "inaccessible"):
        variables[f"{kind}_volume_A3"] = (probe, per_probe(f"{kind}_volume_A3"), {"units": "angstrom3"})
        variables[f"{kind}_area_A2"] = (probe, per_probe(f"{kind}_area_A2"), {"units": "angstrom2"})
    variables["accessible_area_m2_g"] = (probe, per_probe("accessible_area_m2_g"), {"units": "m2/g"})
    for name, meaning in _VOID_PARTS.items():
        variables[name] = (probe, per_probe(name), {"units": "1", "long_name": meaning})
    for name, unit in (("helium_density_g_cm3", "g/cm3"), ("closed_pore_volume_cm3_g", "cm3/g")):
        variables[name] = (two, frame("pores", name), {"units": unit, "long_name": "nan: not computed"})
    for kind in ("accessible", "inaccessible"):
        variables[f"occupiable_{kind}_cm3_g"] = (
            probe,
            collect(
                lambda rec, key=f"{kind}_cm3_g": [_dig(_pores(rec), "occupiable", p, key) for p in probes],
                (len(probes),),
            ),
            {"units": "cm3/g", "long_name": "void that the probe covers; nan: not computed"},
        )
    ordered, order_coords = order_variables(collect, _dig)
    variables |= ordered | scattering_variables(collect, _dig)
    coords = {"replica": replicas, "pore_class": list(CLASS_NAMES), "probe": probes, **order_coords}
    return xr.Dataset(variables, coords=coords, attrs=attributes)


def pores_csv(records: Records) -> str:
    """One row a pore a frame; an empty entrance means that nothing reaches the pore from outside.

    Columns that hold several values, ``necks_A`` and ``probes``, have spaces between them.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_PORE_COLUMNS)
    frames: dict[int, int] = {}
    for record in records:
        replica = record["replica"]
        frame = frames.get(replica, 0)
        frames[replica] = frame + 1
        place = [replica, frame, record["step"], record["time_ps"], record["temperature_K"]]
        for item in _pores(record).get("items", []):
            writer.writerow(["" if v is None else v for v in [*place, *_pore_row(item)]])
    return text.getvalue()


def _pore_row(item: dict[str, Any]) -> list[Any]:
    """A pore's columns; records of earlier versions have no necks and shape."""
    return [
        *(item[key] for key in ("id", "class", "entrance_A", "diameter_A", "volume_A3")),
        *item["center_A"],
        item["margin_A"],
        " ".join(str(width) for width in item.get("necks_A", ())),
        *(item.get(key) for key in ("area_A2", "sphericity")),
        *item.get("gyration_eigenvalues_A2", (None, None, None)),
        item.get("volume_margin"),
        " ".join(item.get("probes", ())),
        item.get("winding"),
    ]


def summary(records: Records, name: str, status: str) -> dict[str, Any]:
    """First and last analysed frame side by side, per replica; ``first`` and ``last`` are replica 0's."""
    replicas = []
    for replica in sorted({r["replica"] for r in records}):
        own = [r for r in records if r["replica"] == replica]
        replicas.append({"replica": replica, "first": _digest(own[0]), "last": _digest(own[-1])})
    shown: dict[str, Any] = replicas[0] if replicas else {"first": None, "last": None}
    return {
        "schema_version": 1,
        "name": name,
        "status": status,
        "on": (shown["last"] or {}).get("on"),
        "first": shown["first"],
        "last": shown["last"],
        "replicas": replicas,
    }


def _digest(record: dict[str, Any]) -> dict[str, Any]:
    frame = {k: v for k, v in record["frame"].items() if k != "index"}
    if "pores" in frame:
        frame["pores"] = {k: v for k, v in frame["pores"].items() if k != "items"}
    head = {k: record.get(k) for k in ("step", "time_ps", "temperature_K", "target_K")}
    # what was analysed: the frame itself unless the record says otherwise
    return {**head, "on": record.get("on", "frame"), **frame}


def _grid(rows: Records) -> tuple[list[int], list[int], dict[tuple[int, int], dict[str, Any]]]:
    replicas = sorted({int(row["replica"]) for row in rows})
    steps = sorted({int(row["step"]) for row in rows})
    place_r = {r: i for i, r in enumerate(replicas)}
    place_s = {s: i for i, s in enumerate(steps)}
    return replicas, steps, {(place_r[int(r["replica"])], place_s[int(r["step"])]): r for r in rows}


def _pores(record: dict[str, Any]) -> dict[str, Any]:
    return record["frame"].get("pores") or {}


def _dig(data: dict[str, Any], *keys: str, end: int | None = None) -> float:
    """A number in nested mappings, nan where there is none; ``end`` chooses one of a range."""
    value: Any = data
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, list):
        value = value[end or 0]
    return _number(value)


def _bands(records: Records, classes: Any) -> dict[str, Any]:
    """The ranges of class volumes where radii were said to be uncertain."""
    deltas = {_dig(_pores(record), "radius_uncertainty", "delta_A") for record in records}
    deltas = sorted(delta for delta in deltas if delta == delta)
    if not deltas:
        return {}
    about = f"of the class volume with radii within {deltas[-1]:g} angstrom"
    dims = ("replica", "frame", "pore_class")
    return {
        f"class_volume_{which}_cm3_g": (
            dims,
            classes("volume_cm3_g", "radius_uncertainty", end=end),
            {"units": "cm3/g", "long_name": f"{which}est {about}"},
        )
        for end, which in enumerate(("low", "high"))
    }


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _dangling(record: dict[str, Any]) -> float:
    shares = (record["frame"].get("bonding") or {}).get("coordination_fraction")
    return float("nan") if shares is None else float(shares.get("0", 0.0)) + float(shares.get("1", 0.0))


def _share(of: str) -> dict[str, str]:
    return {"units": "1", "long_name": f"fraction: {of}"}
