"""Small made-up studies: run folders with chosen numbers, and study.json over them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carbonize.config import dump_protocol
from carbonize.config.models import (
    AnalysisConfig,
    DynamicsConfig,
    HoldStage,
    QuenchStage,
    RampStage,
    RandomStructure,
    RunConfig,
)

CLASSES = ("open", "quasi-closed", "closed", "fully-closed")
PROBES_A = {"He": 2.6, "CO2": 3.3, "N2": 3.64, "EC": 5.7}
TIMESTEP_FS = 0.5

Level = Callable[[str, str, int], float]
"""sp2 at the end, from protocol, precursor and replica."""


def make_run(
    folder: Path,
    protocol: str = "direct",
    sp2: Sequence[float] = (0.80, 0.82, 0.81, 0.83),
    hottest_K: float = 3000.0,
    hold_ps: float = 2.0,
    frames: int = 8,
    status: str = "finished",
    seed: int = 1,
    failed: Sequence[int] = (),
    free_sphere_A: float | None = 4.0,
    analysis: AnalysisConfig | None = None,
    structure_seed: int = 1,
    atoms: int = 100,
    closing_K: Sequence[float | None] | None = None,
    extra: dict[str, Any] | None = None,
) -> Path:
    """Write a run folder; ``sp2`` has the last value of every replica, other numbers follow from it."""
    folder.mkdir(parents=True)
    config = _protocol(protocol, len(sp2), hottest_K, hold_ps, seed, structure_seed, atoms, analysis)
    (folder / "protocol.yaml").write_text(dump_protocol(config))
    total_ps = 2.0 + hold_ps
    total = round(1000 * total_ps / TIMESTEP_FS)
    steps = np.linspace(0, total, frames).round().astype(int)
    series, records = [], []
    for replica, level in enumerate(sp2):
        for step in steps.tolist():
            time_ps = step * TIMESTEP_FS / 1000
            target = float(
                np.interp(time_ps, [0, 1, 1 + hold_ps, total_ps], [300, hottest_K, hottest_K, 300])
            )
            head = {"step": step, "time_ps": time_ps, "replica": replica, "target_K": target}
            head["temperature_K"] = target + 10.0
            now = 0.5 + (level - 0.5) * step / total
            series.append({**head, "potential_eV_per_atom": -6.0 - now, "kinetic_eV_per_atom": 0.04})
            frame = _frame(now, atoms, free_sphere_A) | (extra or {})
            records.append({**head, "frame": frame})
    _write_lines(folder / "series.jsonl", series)
    _write_lines(folder / "analysis.jsonl", records)
    manifest = {
        "schema_version": 2,
        "name": protocol,
        "status": status,
        "ended": status == "finished" or bool(failed),
        "message": None,
        "n_atoms": atoms,
        "replicas": len(sp2),
        "replica_ids": list(range(len(sp2))),
        "failed": {str(k): {"step": 10, "message": "hot"} for k in failed},
        "step": total if status == "finished" else total // 2,
        "total_steps": total,
        "timestep_fs": TIMESTEP_FS,
        "structures": [{"kind": "random", "atoms": atoms, "seed": structure_seed}],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    if closing_K is not None:
        _write_tracking(folder / "tracking", closing_K, frames)
    return folder


def make_study(
    folder: Path,
    levels: Level,
    protocols: Sequence[str] = ("direct", "two-step"),
    precursors: Sequence[str] = ("precursor-1000",),
    replicas: int = 4,
    **options: Any,
) -> Path:
    """Write a study folder with a run for every protocol and precursor."""
    runs = []
    for precursor in precursors:
        for protocol in protocols:
            name = f"{protocol}--{precursor}"
            sp2 = [levels(protocol, precursor, k) for k in range(replicas)]
            make_run(folder / "runs" / name, protocol, sp2, **options)
            runs.append(
                {
                    "id": name,
                    "protocol": protocol,
                    "precursor": precursor,
                    "potential": "edip",
                    "folder": f"runs/{name}",
                    "replicas": replicas,
                }
            )
    study = {"schema_version": 1, "name": "study", "seed": 1, "replicas": replicas, "runs": runs}
    (folder / "study.json").write_text(json.dumps(study))
    return folder


def _protocol(
    name: str,
    replicas: int,
    hottest_K: float,
    hold_ps: float,
    seed: int,
    structure_seed: int,
    atoms: int,
    analysis: AnalysisConfig | None,
) -> RunConfig:
    return RunConfig(
        name=name,
        structure=RandomStructure(kind="random", atoms=atoms, density_g_cm3=1.0, seed=structure_seed),
        dynamics=DynamicsConfig(replicas=replicas, seed=seed, timestep_fs=TIMESTEP_FS),
        schedule=(
            RampStage(kind="ramp", from_K=300, to_K=hottest_K, duration_ps=1),
            HoldStage(kind="hold", temperature_K=hottest_K, duration_ps=hold_ps),
            QuenchStage(kind="quench", to_K=300, duration_ps=1),
        ),
        analysis=analysis or AnalysisConfig(),
    )


def _frame(sp2: float, atoms: int, free_sphere_A: float | None) -> dict[str, Any]:
    dangling, sp3 = 0.02, 0.05
    sp = 1 - sp2 - sp3 - dangling
    volumes = (0.0, 0.10, 0.3 * (sp2 - 0.5), 0.02)
    return {
        "index": 0,
        "n_atoms": atoms,
        "density_g_cm3": 1.0,
        "bonding": {
            "cutoff_A": 1.85,
            "sp": sp,
            "sp2": sp2,
            "sp3": sp3,
            "mean_coordination": 2 * sp + 3 * sp2 + 4 * sp3 + dangling,
            "coordination_fraction": {"1": dangling, "2": sp, "3": sp2, "4": sp3},
        },
        "pores": {
            "largest_included_sphere_A": 4.0 + 6 * sp2,
            "largest_free_sphere_A": free_sphere_A,
            "probes": {
                name: {"diameter_A": d, "accessible_area_m2_g": 100.0 / d + sp2}
                for name, d in PROBES_A.items()
            },
            "classes": {
                name: {"count": 1, "volume_A3": 2000 * v, "volume_cm3_g": v, "fraction": v / sum(volumes)}
                for name, v in zip(CLASSES, volumes, strict=True)
            },
            "items": [],
        },
    }


def _write_tracking(folder: Path, closing_K: Sequence[float | None], frames: int) -> None:
    folder.mkdir()
    (folder / "tracking.json").write_text(json.dumps({"schema_version": 1, "frames": frames}))
    lines = ["replica,track,event,frame,step,time_ps,temperature_K,for_good"]
    for replica, temperature in enumerate(closing_K):
        if temperature is not None:
            lines += [
                f"{replica},0,lost_N2,3,100,1.0,{temperature},1",
                f"{replica},1,lost_N2,4,200,2.0,9999.0,0",
            ]
    (folder / "pore_events.csv").write_text("\n".join(lines) + "\n")


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
