"""A small run folder with made-up but plausible numbers, in the format of a real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import graphene
from ase.neighborlist import neighbor_list

from carbonize.config import dump_protocol
from carbonize.config.models import (
    DynamicsConfig,
    HoldStage,
    QuenchStage,
    RampStage,
    RandomStructure,
    RunConfig,
)
from carbonize.io.results import analysis_dataset, pores_csv, summary
from carbonize.io.trajectory import TrajectoryWriter, make_frame, set_coordination

TIMESTEP_FS = 0.5
TOTAL_PS = 7.5
PROBES_A = {"He": 2.6, "CO2": 3.3, "N2": 3.64, "EC": 5.7}
CLASSES = ("open", "quasi-closed", "closed", "fully-closed")


def make_run(
    folder: Path,
    replicas: int = 1,
    frames: int = 6,
    pores: bool = True,
    free_sphere: bool = True,
    status: str = "finished",
    seed: int = 0,
    spacing_A: float = 3.4,
) -> Path:
    """Write a run folder. Its structure is graphene in layers, ``spacing_A`` apart.

    ``frames`` is the number of analysed frames; without ``pores`` nothing but solid is there,
    without ``free_sphere`` nothing leads through the cell and all entrances are null.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trajectory").mkdir(exist_ok=True)
    (folder / "protocol.yaml").write_text(dump_protocol(_protocol(replicas)))
    total_steps = round(1000 * TOTAL_PS / TIMESTEP_FS)
    series = [_series_row(step, r, rng) for step in range(0, total_steps + 1, 500) for r in range(replicas)]
    (folder / "series.jsonl").write_text(_lines(series))
    atoms = _sheets(spacing_A)
    steps = np.linspace(0, total_steps, frames).round().astype(int) if frames > 1 else np.array([0])[:frames]
    records = [
        _record(int(step), r, len(atoms), rng, pores, free_sphere, atoms)
        for step in steps
        for r in range(replicas)
    ]
    (folder / "analysis.jsonl").write_text(_lines(records))
    (folder / "events.jsonl").write_text('{"event": "started", "step": 0}\n')
    for r in range(replicas):
        writer = TrajectoryWriter(folder / "trajectory" / f"replica-{r:03d}.gsd")
        for step in steps:
            writer.append(_frame(atoms, int(step), total_steps, rng))
        writer.close()
    analysis_dataset(records, {"name": "fake"}).to_netcdf(folder / "analysis.nc", engine="h5netcdf")
    (folder / "pores.csv").write_text(pores_csv(records))
    (folder / "summary.json").write_text(json.dumps(summary(records, "fake", status)))
    (folder / "manifest.json").write_text(json.dumps(_manifest(status, replicas, len(atoms), total_steps)))
    return folder


def _protocol(replicas: int) -> RunConfig:
    return RunConfig(
        name="fake <run> & more",
        structure=RandomStructure(kind="random", atoms=150, density_g_cm3=1.0),
        dynamics=DynamicsConfig(replicas=replicas),
        schedule=(
            HoldStage(kind="hold", temperature_K=300, duration_ps=0.5),
            RampStage(kind="ramp", to_K=3500, duration_ps=1),
            HoldStage(kind="hold", temperature_K=3500, duration_ps=4),
            QuenchStage(kind="quench", to_K=300, duration_ps=2),
        ),
    )


def _target(time_ps: float) -> float:
    return float(np.interp(time_ps, [0, 0.5, 1.5, 5.5, 7.5], [300, 300, 3500, 3500, 300]))


def _series_row(step: int, replica: int, rng: np.random.Generator) -> dict[str, Any]:
    time_ps = step * TIMESTEP_FS / 1000
    target = _target(time_ps)
    temperature = target * (1 + 0.03 * rng.standard_normal()) + 250 * np.exp(-time_ps)
    return {
        "step": step,
        "time_ps": time_ps,
        "replica": replica,
        "target_K": target,
        "temperature_K": temperature,
        "mean_temperature_K": temperature,
        "kinetic_eV_per_atom": 1.2926e-4 * temperature,
        "potential_eV_per_atom": -6.9 + 1.1e-4 * temperature - 0.35 * time_ps / TOTAL_PS,
    }


def _record(
    step: int, replica: int, n_atoms: int, rng: np.random.Generator, pores: bool, free: bool, atoms: Atoms
) -> dict[str, Any]:
    time_ps = step * TIMESTEP_FS / 1000
    done = time_ps / TOTAL_PS
    sp2 = 0.60 + 0.26 * done + 0.01 * rng.standard_normal()
    sp3, dangling = 0.03 - 0.02 * done, 0.04 - 0.03 * done
    sp = 1 - sp2 - sp3 - dangling
    volumes = [0.0, 0.09 + 0.05 * done, 0.01 + 0.03 * done, 0.008] if pores else [0.0] * 4
    if pores and not free:
        volumes = [0.0, 0.0, 0.0, sum(volumes)]
    cell = atoms.cell.array
    items = (
        [
            {
                "id": i,
                "class": "fully-closed" if not free or i == 2 else ("quasi-closed" if i == 0 else "closed"),
                "entrance_A": None if not free or i == 2 else (3.71 if i == 0 else 2.9),
                "diameter_A": 2.7 + (1.0 + 2.0 * done) / (i + 1),
                "volume_A3": 160.0 / (i + 1),
                "center_A": [float(x) for x in rng.random(3) @ cell],
                "margin_A": 0.41 if free else 2.6,
            }
            for i in range(16)
        ]
        if pores
        else []
    )
    classes = {
        c: {
            "count": len([p for p in items if p["class"] == c]),
            "volume_A3": 2e4 * v,
            "volume_cm3_g": v,
            "fraction": v / max(sum(volumes), 1e-12),
        }
        for c, v in zip(CLASSES, volumes, strict=True)
    }
    probes = {
        p: {
            "diameter_A": d,
            "accessible_volume_A3": 1234.0 / d if free and pores else 0.0,
            "inaccessible_volume_A3": 432.0 / d if pores else 0.0,
            "accessible_area_A2": 900.0 / d,
            "inaccessible_area_A2": 90.0 / d,
        }
        for p, d in PROBES_A.items()
    }
    passes = free and pores
    frame = {
        "index": 0,
        "n_atoms": n_atoms,
        "cell_volume_A3": float(abs(np.linalg.det(cell))),
        "density_g_cm3": 1.004,
        "bonding": {
            "cutoff_A": 1.85,
            "sp": sp,
            "sp2": sp2,
            "sp3": sp3,
            "mean_coordination": 2.7,
            "mean_bond_length_A": 1.44,
            "coordination_fraction": {"1": dangling, "2": sp, "3": sp2, "4": sp3},
        },
        "pores": {
            "largest_included_sphere_A": 4.1 + 5.4 * done + 0.05 * rng.standard_normal() if pores else 1.9,
            "largest_free_sphere_A": 1.6 + 2.3 * done if passes else None,
            "largest_free_sphere_along_A": [None, None, None],
            "probes": probes,
            "classes": classes,
            "items": items,
        },
    }
    return {
        "replica": replica,
        "step": step,
        "time_ps": time_ps,
        "temperature_K": _target(time_ps) + 20.0,
        "target_K": _target(time_ps),
        "frame": frame,
    }


def _sheets(spacing_A: float) -> Atoms:
    sheet = graphene(size=(5, 5, 1), vacuum=0.5 * spacing_A)
    sheet.pbc = True
    return sheet * (1, 1, 3)


def _frame(atoms: Atoms, step: int, total_steps: int, rng: np.random.Generator) -> Any:
    moved = atoms.copy()
    moved.positions += (0.3 * (1 - step / total_steps) + 0.05) * rng.standard_normal((len(atoms), 3))
    cell, time_ps = moved.cell.array, step * TIMESTEP_FS / 1000
    scalars = {"time_ps": time_ps, "temperature_K": _target(time_ps) + 20.0, "target_K": _target(time_ps)}
    frame = make_frame(moved.positions, cell, moved.get_chemical_symbols(), moved.get_masses(), step, scalars)
    set_coordination(frame, np.bincount(neighbor_list("i", moved, 1.85), minlength=len(moved)))
    return frame


def _manifest(status: str, replicas: int, n_atoms: int, total_steps: int) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "name": "fake <run> & more",
        "status": status,
        "message": None if status == "finished" else "the disk was full",
        "carbonize_version": "0.1.0",
        "config_hash": "0123abcd",
        "structure": {"kind": "random", "atoms": n_atoms},
        "n_atoms": n_atoms,
        "replicas": replicas,
        "precision": "float64",
        "seed": 1,
        "timestep_fs": TIMESTEP_FS,
        "step": total_steps if status == "finished" else total_steps // 2,
        "total_steps": total_steps,
        "device": {"platform": "cpu", "kind": "cpu", "host_cpus": 2},
        "versions": {"python": "3.12.1", "jax": "0.10.1"},
        "started": "2026-01-01T00:00:00+00:00",
        "written": "2026-01-01T00:05:00+00:00",
        "timings": {"compile_s": 21.2, "simulate_s": 190.1, "analyze_s": 3.3},
        "atom_steps_per_s": 1.2e6,
    }


def _lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
