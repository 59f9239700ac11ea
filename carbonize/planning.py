"""What a protocol will do and leave on the disk, told before anything runs."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carbonize.config import RunConfig
from carbonize.config.equivalence import CELSIUS_K, TimeScale
from carbonize.errors import InputError
from carbonize.report.clocks import phrases
from carbonize.schedules import Schedule, compile_protocol

__all__ = ["disk_bytes", "frame_counts", "measured_pace", "pace_of", "plan", "wall_time"]

SERIES_STEPS = 500
_CURVE_POINTS = 200

# Bytes: what the formats prescribe (GSD: float32 positions, uint32 coordination, 32 bytes an index entry;
# checkpoints: positions and momenta in the precision of the run, species once; two are kept) ...
_FRAME_BYTES_PER_ATOM, _FRAME_BYTES, _INDEX_BYTES = 16, 32, 32 * 7
_STATE_BYTES_PER_ATOM = {"float64": 48, "mixed": 48, "float32": 24}
_SPECIES_BYTES, _CHECKPOINT_BYTES = 4, 2400
# ... and what was counted in runs of 64 to 1,000 atoms of carbon. Every replica's analyses end up three times (jsonl,
# netCDF, CSV), the first and the last one, which hold more, in summary.json as well; their size goes with the number
# of pores, and so with the atoms.
_SERIES_ROW_BYTES = 393
_RUN_BYTES = 102_000  # the netCDF file without its numbers, and heads of the others
_REPLICA_BYTES, _REPLICA_BYTES_PER_ATOM = 38_000, 105
_RECORD_BYTES, _RECORD_BYTES_PER_ATOM = 4600, 5.3
_TRACKING_BYTES_PER_ATOM_FRAME = 2.6
# The page and figures/. Of more atoms the page's view in three dimensions shows a slice.
_REPORT_BYTES, _REPORT_BYTES_PER_ATOM, _REPORT_ATOMS = 7_400_000, 460, 20_000

_MEASURED_STEPS = 400


@dataclasses.dataclass(frozen=True)
class Pace:
    """How fast a machine was seen to be.

    Attributes
    ----------
    atom_steps_per_s
        Of dynamics, all replicas together.
    compile_s, analysis_s
        Compilation, and one analysed frame.
    source
        Where that was seen.
    ends_s
        What the first and the last frame of a replica cost more, as more is measured in them.
    """

    atom_steps_per_s: float
    compile_s: float
    analysis_s: float
    source: str
    ends_s: float = 0.0


def plan(config: RunConfig, pace: Pace | None = None) -> dict[str, Any]:
    """Everything that can be said of a protocol beforehand, as plain data (``carbonize plan --json``).

    Raises
    ------
    InputError
        If the schedules cannot be compiled, a file is missing, or no run could start from the first structure.
    """
    schedules = compile_protocol(config)
    first = schedules[0]
    timestep_fs, replicas = config.dynamics.timestep_fs, config.dynamics.replicas
    frames, analyses, rows = frame_counts(config, first.total_steps)
    atoms = _atoms(config)
    equivalence = config.equivalence
    return {
        "schema_version": 1,
        "name": config.name,
        "timestep_fs": timestep_fs,
        "total_steps": first.total_steps,
        "time_ps": first.total_steps * timestep_fs / 1000.0,
        "n_atoms": atoms,
        "replicas": replicas,
        "equivalence": None if equivalence is None else equivalence.model_dump(exclude_none=True),
        "schedules": [
            _schedule(schedule, stages, scale, timestep_fs)
            for schedule, (_, stages), scale in zip(
                schedules, config.named_schedules, config.time_scales, strict=True
            )
        ],
        "frames": frames,
        "analyses": analyses,
        "disk_bytes": disk_bytes(atoms, replicas, frames, analyses, rows, config.dynamics.precision),
        "wall_time": None if pace is None else wall_time(config, first, atoms, analyses, pace),
    }


def frame_counts(config: RunConfig, total_steps: int) -> tuple[int, int, int]:
    """How many frames, analyses and rows of the series a replica gets."""

    def due(interval_ps: float) -> set[int]:
        every = max(1, round(1000.0 * interval_ps / config.dynamics.timestep_fs))
        return set(range(0, total_steps + 1, every))

    analyses = due(config.output.analysis_every_ps) | {total_steps}
    frames = due(config.output.frame_every_ps) | analyses
    return len(frames), len(analyses), len(frames | set(range(0, total_steps, SERIES_STEPS)))


def disk_bytes(
    atoms: int, replicas: int, frames: int, analyses: int, rows: int, precision: str = "float64"
) -> dict[str, int]:
    """Bytes in the run folder at the end: by the formats, and for analyses and report from experience.

    >>> disk_bytes(1000, 1, 31, 16, 31)["trajectory"]
    512936
    """
    trajectory = frames * (_FRAME_BYTES_PER_ATOM * atoms + _FRAME_BYTES + _INDEX_BYTES) + 4 * atoms + 5000
    state = _STATE_BYTES_PER_ATOM[precision] * atoms * replicas
    checkpoint = 2 * (state + _SPECIES_BYTES * atoms + _CHECKPOINT_BYTES)
    numbers = (
        rows * _SERIES_ROW_BYTES
        + _REPLICA_BYTES
        + _REPLICA_BYTES_PER_ATOM * atoms
        + analyses * (_RECORD_BYTES + (_RECORD_BYTES_PER_ATOM + _TRACKING_BYTES_PER_ATOM_FRAME) * atoms)
    )
    found = {
        "trajectory": replicas * trajectory,
        "checkpoint": checkpoint,
        "numbers": round(_RUN_BYTES + replicas * numbers),
        "report": _REPORT_BYTES + _REPORT_BYTES_PER_ATOM * min(atoms, _REPORT_ATOMS),
    }
    return {**found, "total": sum(found.values())}


def pace_of(run: Any) -> Pace:
    """The pace of a run that was made, from its manifest.

    Raises
    ------
    InputError
        If it has not got far enough to tell.
    """
    told, timings = run.manifest, run.manifest.get("timings") or {}
    simulated_s, step = timings.get("simulate_s"), told.get("step")
    if not simulated_s or not step:
        raise InputError(f"{run.path}: has not run long enough to tell how fast it is")
    replicas = len(told.get("replica_ids") or range(int(told["replicas"])))
    analyses = max(1, len(run.records))
    return Pace(
        int(told["n_atoms"]) * replicas * int(step) / float(simulated_s),
        float(timings.get("compile_s") or 0.0),
        (float(timings.get("analyze_s") or 0.0) + float(timings.get("analyze_beside_s") or 0.0)) / analyses,
        str(run.path),
    )


def measured_pace(config: RunConfig, steps: int = _MEASURED_STEPS) -> Pace:
    """Run the first steps of a protocol at its hottest temperature, in a folder that is thrown away, and time them."""
    from carbonize.config import parse_protocol
    from carbonize.running import run

    hottest_K = max(s.hottest_K for s in compile_protocol(config))
    length_ps = steps * config.dynamics.timestep_fs / 1000.0
    data = config.model_dump(mode="json", exclude_none=True)
    data.pop("schedules", None)
    data.pop("equivalence", None)
    data["schedule"] = [{"kind": "hold", "temperature_K": hottest_K, "duration_ps": length_ps}]
    data["output"] |= {"frame_every_ps": length_ps, "analysis_every_ps": length_ps}
    data["analysis"] |= {"on": "frame"}
    with tempfile.TemporaryDirectory(prefix="carbonize-plan-") as folder:
        made = run(parse_protocol(data), Path(folder) / "run", report=False)
        pace = pace_of(made)
        analysis_s, ends_s = _analysis_times(config, made.trajectory[-1])
    source = f"{steps} steps on this machine"
    return dataclasses.replace(pace, analysis_s=analysis_s, ends_s=ends_s, source=source)


def _analysis_times(config: RunConfig, atoms: Any) -> tuple[float, float]:
    """Seconds for an analysed frame, and how many more the first and the last one take together."""
    from carbonize.analysis.beside import Job, analyse
    from carbonize.analysis.frame import EVERY_TIME, FIRST_AND_LAST, PARTS

    both = (*EVERY_TIME, *FIRST_AND_LAST)
    analyse(Job(atoms, config.analysis, PARTS))  # libraries are loaded now
    every, first, last = (
        analyse(Job(atoms, config.analysis, parts)).seconds for parts in (EVERY_TIME, both, PARTS)
    )
    return every, max(0.0, first + last - 2 * every)


def wall_time(config: RunConfig, schedule: Schedule, atoms: int, analyses: int, pace: Pace) -> dict[str, Any]:
    """Seconds that a run takes at a pace: dynamics, and analyses as far as they do not fit beside it."""
    replicas = config.dynamics.replicas
    dynamics_s = atoms * replicas * schedule.total_steps / pace.atom_steps_per_s
    analysis_s = replicas * (analyses * pace.analysis_s + pace.ends_s)
    workers = config.analysis.workers
    longest = max(dynamics_s, analysis_s / workers) if workers else dynamics_s + analysis_s
    return {
        "total_s": pace.compile_s + longest,
        "compile_s": pace.compile_s,
        "dynamics_s": dynamics_s,
        "analysis_s": analysis_s,
        "atom_steps_per_s": pace.atom_steps_per_s,
        "from": pace.source,
    }


def _schedule(
    schedule: Schedule, stages: Sequence[Any], scale: TimeScale | None, timestep_fs: float
) -> dict[str, Any]:
    spaced = np.linspace(0, schedule.total_steps, _CURVE_POINTS).round().astype(int).tolist()
    steps = sorted({*spaced, *(s for s in schedule.turning_steps if s >= 0)})
    kelvin = [schedule.temperature_K(s) for s in steps]
    time_ps = [s * timestep_fs / 1000.0 for s in steps]
    found: dict[str, Any] = {
        "stages": phrases(stages, scale),
        "hottest_K": schedule.hottest_K,
        "curve": {"time_ps": time_ps, "temperature_K": kelvin},
    }
    if scale is not None:
        found["laboratory"] = {
            "time_ratio": scale.ratio,
            "time_h": scale.laboratory_s(time_ps[-1]) / 3600.0,
            "hottest_C": scale.laboratory_K(schedule.hottest_K) - CELSIUS_K,
        }
        found["curve"]["laboratory_h"] = [scale.laboratory_s(t) / 3600.0 for t in time_ps]
        found["curve"]["laboratory_C"] = [scale.laboratory_K(t) - CELSIUS_K for t in kelvin]
    return found


def _atoms(config: RunConfig) -> int:
    """Atoms of a replica, after a look at the files for what a run would refuse, as far as that needs no jax."""
    structure, potential = config.structure, config.potential
    file = None if potential.kind == "edip" else potential.file
    if file is not None and not Path(file).is_file():
        raise InputError(f"{file}: no such file; check the path of the potential")
    if structure.kind != "file":
        return structure.atoms
    from carbonize.io.frames import read_frames
    from carbonize.io.validation import validate_atoms
    from carbonize.structures.prepare import species_indices, standard_cell

    where = structure.starts[0]
    _, atoms = next(iter(read_frames(Path(where), -1)))
    validate_atoms(atoms, where)
    standard_cell(atoms, where)
    if file is None:  # what has no file is for carbon
        species_indices(atoms.get_chemical_symbols(), ("C",), potential.kind, where)
    return len(atoms)
