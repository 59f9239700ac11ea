"""What the page says about a run besides its results: protocol, definitions, origin, files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from carbonize.config.models import (
    ClassLimits,
    DynamicsConfig,
    LangevinConfig,
    NoseHooverConfig,
    RunConfig,
)
from carbonize.report.clocks import phrases
from carbonize.report.numbers import SEALED, duration, length, number
from carbonize.report.style import CLASS_COLORS, CLASS_LABELS

__all__ = [
    "caution",
    "class_definitions",
    "files",
    "frame_name",
    "frames",
    "lives",
    "making",
    "pore_rows",
    "probe_rows",
    "sentence",
    "stages",
    "status",
    "versions",
]

_SHOWN_PORES = 12

_FILES = {
    "protocol.yaml": "the protocol with every default filled in; runs as it is",
    "manifest.json": "status, versions, device, seed, timings",
    "series.jsonl": "temperature and energies, one line a chunk and replica",
    "events.jsonl": "what happened to the run: start, restart, failure, end",
    "trajectory": "frames of every replica (GSD; opens in OVITO)",
    "checkpoint": "the exact state, to continue the run",
    "analysis.jsonl": "every analysed frame, as it was measured",
    "analysis.nc": "the same over time, for xarray (units in attributes)",
    "pores.csv": "one row for every pore of every analysed frame",
    "tracking": "the life of every pore: tracks, events, lives, flows between classes (CSV), tracking.json",
    "summary.json": "first and last frame side by side",
    "figures": "the figures and pictures of this page (PNG)",
    "report.html": "this page",
}


def stages(protocol: RunConfig, both: bool = True) -> list[str]:
    """The schedule's stages, one phrase each; with ``both`` on either clock where there are two."""
    named = list(zip(protocol.named_schedules, protocol.time_scales, strict=True))
    if len(named) == 1:
        (_, each), scale = named[0]
        return phrases(each, scale, both)
    return [
        f"schedule {i}: {', '.join(phrases(each, scale, both))}" for i, ((_, each), scale) in enumerate(named)
    ]


def potential_name(protocol: RunConfig) -> str:
    """The potential in words."""
    potential = protocol.potential
    if potential.kind == "edip":
        return "carbon EDIP (Marks 2000)"
    if potential.kind == "nep":
        return f"NEP ({Path(potential.file).name})"
    return f"Tersoff ({potential.parameters or Path(potential.file or '').name})"


def sentence(protocol: RunConfig, n_atoms: int, replicas: int, density_g_cm3: float) -> str:
    """What was run, in one sentence."""
    who = f"{n_atoms:,} carbon atoms at {number(density_g_cm3, 2)} g/cm³"
    different = ["start structures"] * (len(protocol.structure.starts) > 1)
    different += ["schedules"] * (len(protocol.named_schedules) > 1)
    different = different or ["random numbers"]
    many = f", {replicas} replicas with different {' and '.join(different)}," if replicas > 1 else ""
    steps = stages(protocol, both=False)
    barostat = protocol.dynamics.barostat
    where = "constant volume" if barostat is None else f"a pressure of {barostat.pressure_GPa:g} GPa"
    how = f"were annealed with the {potential_name(protocol)} potential at {where}"
    return f"{who}{many} {how}: {'; '.join(steps)}."


def status(manifest: Mapping[str, Any]) -> dict[str, str] | None:
    """What to say about a run that did not finish; None for a finished one."""
    state = str(manifest.get("status") or "unknown")
    if state == "finished":
        return None
    step, total = manifest.get("step"), manifest.get("total_steps")
    far = f" at step {step:,} of {total:,}" if isinstance(step, int) and isinstance(total, int) else ""
    told = manifest.get("message")
    failed = manifest.get("failed")
    if manifest.get("ended") and isinstance(failed, Mapping):
        who = ", ".join(str(r) for r in failed)
        return {
            "state": state,
            "text": f"Replica {who} broke down; what follows describes the others. It said: {told}",
        }
    return {
        "state": state,
        "text": f"This run is not finished (status: {state}{far}). "
        "What follows describes it up to its last analysed frame." + (f" It said: {told}" if told else ""),
    }


def frame_name(record: Mapping[str, Any]) -> str:
    """A frame by its time and temperature."""
    return f"{number(record['time_ps'], 2)} ps, {number(record['temperature_K'], 0)} K"


def frames(first: Mapping[str, Any], last: Mapping[str, Any], replicas: int) -> dict[str, str]:
    """Which frames are compared; with several replicas the temperatures differ a little."""
    if replicas > 1:
        return {"first": f"{number(first['time_ps'], 2)} ps", "last": f"{number(last['time_ps'], 2)} ps"}
    return {"first": frame_name(first), "last": frame_name(last)}


def caution(protocol: RunConfig, n_atoms: int, replicas: int, last: Mapping[str, Any]) -> str:
    """What a run of this size and length can and cannot show."""
    count = f"These are {replicas} runs" if replicas > 1 else "This is one run"
    text = (
        f"{count} of {n_atoms:,} atoms over {float(last['time_ps']):.3g} ps. A furnace heats about 5 K in "
        "a minute and holds for hours; molecular dynamics makes up for its short time with far higher "
        "temperatures and heating rates. Read directions and comparisons between runs, "
        "not absolute temperatures, times or pore sizes."
    )
    if replicas == 1:
        text += " Without replicas nothing here has an error bar: dynamics.replicas shows how much is chance."
    return text


def class_definitions(limits: ClassLimits) -> list[dict[str, str]]:
    """The classes by entrance diameter, with the limits that this run used."""
    o, q, c = (f"{v:g}" for v in (limits.open_A, limits.quasi_closed_A, limits.closed_A))
    meaning = {
        "open": (f"D ≥ {o} Å", "wide enough for solvent molecules such as ethylene carbonate (5.7 Å)"),
        "quasi-closed": (f"{q} ≤ D < {o} Å", "a gas such as CO₂ (3.3 Å) gets in, solvent does not"),
        "closed": (f"{c} ≤ D < {q} Å", "only helium (2.6 Å) gets in"),
        "fully-closed": (f"D < {c} Å, or none", "not even helium gets in from outside"),
    }
    return [
        {"name": CLASS_LABELS[k], "color": CLASS_COLORS[k], "range": r, "meaning": m}
        for k, (r, m) in meaning.items()
    ]


def pore_rows(record: Mapping[str, Any]) -> tuple[list[dict[str, str]], int]:
    """The largest pores of a frame by volume, and how many were left out."""
    items = list((record["frame"].get("pores") or {}).get("items") or [])
    items.sort(key=lambda item: -float(item["volume_A3"]))
    rows = [
        {
            "class": CLASS_LABELS.get(item["class"], item["class"]),
            "color": CLASS_COLORS.get(item["class"], "#888888"),
            "entrance": length(item["entrance_A"], SEALED),
            "diameter": length(item["diameter_A"]),
            "volume": _small_volume(float(item["volume_A3"])),
            "margin": length(item.get("margin_A")),
        }
        for item in items[:_SHOWN_PORES]
    ]
    return rows, max(0, len(items) - _SHOWN_PORES)


def _small_volume(volume_A3: float) -> str:
    """A pore's volume; small ones with a decimal, since 0 would say that there is none."""
    if 0.0 < volume_A3 < 0.05:
        return "< 0.1 Å³"
    return f"{number(volume_A3, 1 if volume_A3 < 10.0 else 0)} Å³"


def probe_rows(record: Mapping[str, Any], probes_A: Mapping[str, float]) -> list[dict[str, str]]:
    """What each probe reaches in a frame."""
    pores = record["frame"].get("pores") or {}
    rows = []
    for name, diameter in sorted(probes_A.items(), key=lambda item: item[1]):
        found = (pores.get("probes") or {}).get(name) or {}
        rows.append(
            {
                "name": name,
                "diameter": f"{diameter:g} Å",
                "accessible": f"{number(found.get('accessible_volume_A3'), 0)} Å³",
                "inaccessible": f"{number(found.get('inaccessible_volume_A3'), 0)} Å³",
                "area": f"{number(found.get('accessible_area_A2'), 0)} Å²",
            }
        )
    return rows


def lives(found: Mapping[str, Any] | None) -> dict[str, Any]:
    """What became of the pores in time: sentences, and what they are from."""
    from carbonize.tracking.words import told

    if found is None:
        text = "The pores of this run were not followed through time; carbonize track and carbonize report do it."
        return {"sentences": [text], "note": ""}
    settings = found["settings"]
    steady = settings["hysteresis"]
    kind = {
        "frame": "frames as they are, with all thermal motion",
        "averaged": f"mean structures over {settings['averaged_frames']} frames",
        "inherent": "minimised (inherent) structures",
    }[found["structures"]]
    note = (
        f"From {kind}. Against thermal flicker: a change of an entrance counts if it lasts about "
        f"{steady['hold_frames']} frames and reaches {steady['hysteresis_A']:g} Å beyond the limit or "
        f"{steady['hysteresis_noise']:g} times the pore's own trembling; a pore that is away for at most "
        f"{steady['gap_frames']} frames was never gone."
    )
    return {"sentences": told(found), "note": note}


def making(protocol: RunConfig, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How the run was made, as name and value."""
    dynamics = protocol.dynamics
    device = manifest.get("device") or {}
    timings = manifest.get("timings") or {}
    rows = [
        ("structure", _structure(protocol, manifest)),
        ("potential", potential_name(protocol)),
        ("ensemble", _ENSEMBLES[dynamics.ensemble]),
        *_baths(dynamics),
        ("time step", f"{dynamics.timestep_fs:g} fs"),
        ("precision", dynamics.precision),
        ("replicas", str(dynamics.replicas)),
        ("seed", str(dynamics.seed)),
        ("analysed", _ANALYSED[protocol.analysis.on].format(protocol.analysis.averaging_ps)),
        ("device", _device(device)),
    ]
    names = {
        "start_structure_s": "start structure",
        "compile_s": "compilation",
        "minimize_s": "minimization",
        "simulate_s": "dynamics",
        "analyze_s": "analysis",
        "analyze_beside_s": "analysis beside it",
        "write_s": "writing",
    }
    spent = [f"{label} {duration(timings[key])}" for key, label in names.items() if timings.get(key)]
    if spent:
        rows.append(("wall time", ", ".join(spent)))
    speed = manifest.get("atom_steps_per_s")
    if speed:
        rows.append(("speed", f"{speed / 1e6:.3g} million atom-steps per second"))
    rest = {"started": "started", "written": "last written", "config_hash": "hash of the protocol"}
    for key, label in rest.items():
        if manifest.get(key):
            rows.append((label, str(manifest[key])))
    return rows


def _structure(protocol: RunConfig, manifest: Mapping[str, Any]) -> str:
    structure = protocol.structure
    if structure.kind == "file":
        told = manifest.get("structure")
        digest = str(told.get("sha256") or "") if isinstance(told, Mapping) else ""
        # enough of it to tell two files apart; the manifest has the rest
        if structure.paths is not None:
            return "files " + ", ".join(Path(path).name for path in structure.paths)
        return f"file {Path(str(structure.path)).name}" + (f", sha256 {digest[:12]}…" if digest else "")
    size = f"{structure.atoms:,} atoms at {structure.density_g_cm3:g} g/cm³"
    seeds = ", ".join(str(seed) for seed in structure.starts)
    return f"random packing, {size}, seed{'s' if len(structure.starts) > 1 else ''} {seeds}"


_ANALYSED = {
    "frame": "the frames as they are, thermal motion and all",
    "inherent": "inherent structures: each frame at its energy minimum",
    "averaged": "mean positions over the frames of the last {:g} ps",
}

_ENSEMBLES = {
    "nvt": "constant number of atoms, volume and target temperature (NVT)",
    "npt": "constant number of atoms, target pressure and temperature (NPT)",
    "nve": "constant number of atoms, volume and energy (NVE)",
}


def _baths(dynamics: DynamicsConfig) -> list[tuple[str, str]]:
    """Thermostat and barostat, where there are."""
    rows = []
    thermostat, barostat = dynamics.thermostat, dynamics.barostat
    if isinstance(thermostat, LangevinConfig):
        rows.append(("thermostat", f"Langevin, friction {thermostat.friction_per_ps:g} per ps"))
    elif isinstance(thermostat, NoseHooverConfig):
        rows.append(
            (
                "thermostat",
                f"Nose-Hoover chain of {thermostat.chain_length}, time constant {thermostat.time_constant_fs:g} fs",
            )
        )
    elif thermostat is not None:
        rows.append(
            ("thermostat", f"stochastic velocity rescaling, time constant {thermostat.time_constant_fs:g} fs")
        )
    if barostat is not None:
        rows.append(
            (
                "barostat",
                f"stochastic cell rescaling to {barostat.pressure_GPa:g} GPa, "
                f"time constant {barostat.time_constant_ps:g} ps",
            )
        )
    return rows


def _device(device: Any) -> str:
    if not isinstance(device, Mapping):
        return str(device or "not recorded")
    kind = " ".join(dict.fromkeys(str(device[k]) for k in ("platform", "kind") if device.get(k)))
    cpus = device.get("host_cpus")
    return (kind or "not recorded") + (f", host with {cpus} processor cores" if cpus else "")


def versions(manifest: Mapping[str, Any]) -> str:
    """Versions of carbonize and what it stands on, in one line."""
    own = manifest.get("carbonize_version")
    listed = [f"carbonize {own}"] if own else []
    listed += [f"{k} {v}" for k, v in (manifest.get("versions") or {}).items()]
    return ", ".join(listed) or "not recorded"


def files(folder: Path) -> list[tuple[str, str]]:
    """The files of the run folder that are there, with what they hold."""
    there = {n: text for n, text in _FILES.items() if n == "report.html" or (folder / n).exists()}
    return [(f"{name}/" if (folder / name).is_dir() else name, text) for name, text in there.items()]
