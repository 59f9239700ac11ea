"""How far a run is, from its folder alone: quick to import and to read, also while the run goes on."""

from __future__ import annotations

import datetime
import json
import math
import os
import time
from pathlib import Path
from typing import Any, TypeGuard

from carbonize.errors import CarbonizeError, InputError
from carbonize.io.files import read_json
from carbonize.io.lock import LOCK_NAME, lock_owner
from carbonize.io.paths import RunPaths, check_run_folder

__all__ = ["last_series_step", "run_status"]

MANIFEST_VERSION = 2
"""The newest layout of manifest.json that this program knows."""

_STATES = ("running", "finished", "interrupted", "failed")
_TAIL_BYTES = 65536
_MAX_REPLICAS = 1_000_000


def run_status(root: str | Path) -> dict[str, Any]:
    """The state of a run folder.

    Returns
    -------
    dict
        ``state`` ("running", "finished", "interrupted" or "failed"), ``step``, ``total_steps`` and
        ``replicas``: a list of ``id``, ``state``, ``step`` and ``state_sha256`` (over positions,
        momenta and key at the last sound checkpoint; None without one). Further ``name``,
        ``folder``, ``n_atoms``, ``time_ps``, ``total_ps``, ``message`` (why a run ended early),
        ``checkpoint`` (``step``, ``file`` and ``written`` of the last sound one, or None),
        ``damaged`` (checkpoints that were passed over), ``owner`` (of the lock, or None) and
        ``killed`` (whether the run's process ended without a word).

    Raises
    ------
    InputError
        If there is no such folder, it holds no run, or one of another version's format.

    Notes
    -----
    A run whose manifest says "running" is interrupted when nobody holds its lock. The step of a
    running run is that of its newest series row, of any other that of its last checkpoint.
    """
    paths = RunPaths(root)
    # asked for first: a run that ends meanwhile must not look killed
    owner = lock_owner(paths.root) if paths.root.is_dir() else None
    if not paths.manifest.is_file() and (owner is not None or (paths.root / LOCK_NAME).is_file()):
        return _just_started(paths, owner)
    check_run_folder(paths.root)
    manifest = _manifest(paths)
    status = manifest["status"]
    if status == "running" and owner is None:
        # it may have ended between the two looks
        manifest = _manifest(paths)
        status = manifest["status"]
    killed = status == "running" and owner is None
    state = "interrupted" if killed else "running" if status == "interrupted" and owner else status
    found, damaged = _newest_checkpoint(paths, live=owner is not None)
    total = manifest["total_steps"]
    step = found.step if found is not None else total if state == "finished" else 0
    if state == "running":
        step = max(step, last_series_step(paths.series))
    header: dict[str, Any] = found.header if found is not None else {}
    timestep_fs: Any = manifest.get("timestep_fs")
    if type(timestep_fs) not in (int, float) or not math.isfinite(timestep_fs):
        timestep_fs = 0.0
    return {
        "state": state,
        "step": step,
        "total_steps": total,
        "replicas": _replicas(paths, manifest, header, state, step, owner is not None),
        "name": str(manifest.get("name", "")),
        "folder": str(paths.root),
        "n_atoms": manifest.get("n_atoms"),
        "time_ps": round(step * timestep_fs / 1000.0, 9),
        "total_ps": round(total * timestep_fs / 1000.0, 9),
        "message": None if state == "running" else manifest.get("message"),
        "checkpoint": _about(paths.checkpoints, found),
        "damaged": damaged,
        "owner": owner,
        "killed": killed,
    }


def _manifest(paths: RunPaths) -> dict[str, Any]:
    """manifest.json, with what is read from it below made sure of."""
    manifest = read_json(paths.manifest)
    version = manifest.get("schema_version")
    if type(version) is not int or version > MANIFEST_VERSION:
        raise InputError(
            f"{paths.root}: a run of another carbonize (manifest version {version!r}, this one knows up to "
            f"{MANIFEST_VERSION}); look at it with the version that made it"
        )
    if manifest.get("status") not in _STATES:
        raise InputError(f"{paths.manifest}: unknown status {manifest.get('status')!r}")
    if not _is_count(manifest.get("total_steps")):
        raise InputError(
            f"{paths.manifest}: total_steps is {manifest.get('total_steps')!r}, expected a number"
        )
    return manifest


def _just_started(paths: RunPaths, owner: dict[str, Any] | None) -> dict[str, Any]:
    """A run that was still preparing its start structure: nothing else is known of it."""
    return {
        "state": "interrupted" if owner is None else "running",
        "step": 0,
        "total_steps": 0,
        "replicas": [],
        "name": "",
        "folder": str(paths.root),
        "n_atoms": None,
        "time_ps": 0.0,
        "total_ps": 0.0,
        "message": None,
        "checkpoint": None,
        "damaged": [],
        "owner": owner,
        "killed": owner is None,
    }


def _newest_checkpoint(paths: RunPaths, live: bool) -> tuple[Any, list[str]]:
    """The newest sound checkpoint (or None), and what was said of damaged ones."""
    from carbonize.io.checkpoint import read_newest_checkpoint

    damaged: list[str] = []
    for _ in range(3 if live else 1):
        damaged = []
        try:
            found = read_newest_checkpoint(paths.checkpoints, on_damage=damaged.append)
        except InputError:
            raise
        except CarbonizeError:
            found = None
        if not damaged:
            return found, damaged
        # a live run may have removed an old one while it was read
        time.sleep(0.05 if live else 0.0)
    return found, damaged


def _about(folder: Path, found: Any) -> dict[str, Any] | None:
    if found is None:
        return None
    path = folder / f"step-{found.step:012d}.npz"
    try:
        when = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC)
    except OSError:
        return {"step": found.step, "file": str(path), "written": None}
    return {"step": found.step, "file": str(path), "written": when.isoformat(timespec="seconds")}


def _replicas(
    paths: RunPaths, manifest: dict[str, Any], header: dict[str, Any], state: str, step: int, live: bool
) -> list[dict[str, Any]]:
    sums = header.get("sha256", [])
    ids = header.get("replicas", list(range(len(sums))) or _ids(paths, manifest))
    failed = {**_failed(header), **_failed(manifest)}
    others = state
    if state == "failed" and any(str(replica) in failed for replica in ids):
        if header.get("step") == manifest["total_steps"]:
            others = "finished"
        else:
            others = "running" if live else "interrupted"
    rows = []
    for k, replica in enumerate(ids):
        fault = failed.get(str(replica))
        sha256 = sums[k] if k < len(sums) else None
        if fault is None:
            rows.append({"id": replica, "state": others, "step": step, "state_sha256": sha256})
            continue
        never_good = header.get("failed", {}).get(str(replica), fault).get("never_good") is True
        rows.append(
            {
                "id": replica,
                "state": "failed",
                "step": fault["step"],
                "state_sha256": None if never_good else sha256,
                "message": fault.get("message"),
            }
        )
    return rows


def _ids(paths: RunPaths, manifest: dict[str, Any]) -> list[int]:
    """Numbers of the replicas where no checkpoint tells them."""
    ids = manifest.get("replica_ids")
    if isinstance(ids, list) and len(ids) <= _MAX_REPLICAS and all(_is_count(i) for i in ids):
        return ids
    count = manifest.get("replicas")
    if _is_count(count) and count <= _MAX_REPLICAS:
        return list(range(count))
    raise InputError(f"{paths.manifest}: replicas is {count!r}, expected a number")


def _failed(source: dict[str, Any]) -> dict[str, dict[str, Any]]:
    failed = source.get("failed")
    if not isinstance(failed, dict):
        return {}
    return {k: v for k, v in failed.items() if isinstance(v, dict) and _is_count(v.get("step"))}


def last_series_step(path: Path) -> int:
    """The step of the newest whole row, from the end of the file only."""
    try:
        if not path.is_file():
            return 0
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read(_TAIL_BYTES).split(b"\n")
    except OSError:
        return 0
    for line in reversed(lines[:-1]):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and _is_count(row.get("step")):
            return row["step"]
    return 0


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**53
