"""manifest.json: what ran, with what, and how far it is."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import carbonize
from carbonize.config import RunConfig, config_hash, load_protocol
from carbonize.errors import InputError
from carbonize.io.files import write_atomic
from carbonize.recording import Stopwatch, now

__all__ = ["Manifest", "check_prepared", "check_same_run"]

_SCHEMA_VERSION = 2
_VERSIONS_OF = ("jax", "jaxlib", "jax-md", "ase", "numpy", "scipy", "numba", "gsd", "xarray", "ovito")


@dataclasses.dataclass
class Manifest:
    """What one session writes into manifest.json.

    Attributes
    ----------
    path, config, replicas
        The file, the run, and the numbers of its replicas.
    origins
        Where the start structures come from.
    n_atoms, degrees, total_steps
        Atoms and thermal degrees of freedom of a replica, and the schedule's end.
    cores
        How many cores advance each replica together.
    watch
        Timings.
    failed
        Replicas that broke down: step and message by their number (as text).
    """

    path: Path
    config: RunConfig
    replicas: Sequence[int]
    origins: Sequence[Mapping[str, Any]]
    n_atoms: int
    degrees: int
    total_steps: int
    cores: int
    watch: Stopwatch
    failed: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    started: str = dataclasses.field(default_factory=now)
    last: tuple[str, int, str | None, bool] = ("running", 0, None, False)

    def write_again(self) -> None:
        """Write the file with what it said last, and newer timings."""
        self.write(*self.last)

    def write(self, status: str, step: int, message: str | None = None, ended: bool = False) -> None:
        """Write the file; ``ended`` says that running again would change nothing."""
        self.last = (status, step, message, ended)
        import jax

        device = jax.devices()[0]
        dynamics = self.config.dynamics
        content = {
            "schema_version": _SCHEMA_VERSION,
            "name": self.config.name,
            "folder": str(self.path.parent.resolve()),
            "status": status,
            "ended": ended,
            "message": message,
            "carbonize_version": carbonize.__version__,
            "config_hash": config_hash(self.config),
            "structure": dict(self.origins[0]),
            "structures": [dict(origin) for origin in self.origins],
            "n_atoms": self.n_atoms,
            "degrees_of_freedom": self.degrees,
            "replicas": len(self.replicas),
            "replica_ids": list(self.replicas),
            "cores_per_replica": self.cores,
            "failed": self.failed,
            "ensemble": dynamics.ensemble,
            "precision": dynamics.precision,
            "seed": dynamics.seed,
            "timestep_fs": dynamics.timestep_fs,
            "step": step,
            "total_steps": self.total_steps,
            "device": {"platform": device.platform, "kind": device.device_kind, "host_cpus": _cpus()},
            "versions": _versions(),
            "started": self.started,
            "written": now(),
            "timings": {name: round(seconds, 3) for name, seconds in self.watch.seconds.items()},
        }
        write_atomic(self.path, json.dumps(content, indent=1) + "\n")


def check_same_run(
    manifest: Mapping[str, Any], protocol: Path, config: RunConfig, replicas: Sequence[int]
) -> None:
    """Refuse to continue a folder with anything but the run that it holds.

    Raises
    ------
    InputError
        Naming the keys that differ.
    """
    differing: list[str] = []
    if manifest.get("config_hash") != config_hash(config):
        differing += _differences(load_protocol(protocol), config)
        if not differing and not _moved(manifest, protocol.parent, config):
            # the same protocol hashed otherwise: the program's defaults or keys have changed
            differing = ["the protocol's format"]
    if "replica_ids" in manifest and list(manifest["replica_ids"]) != list(replicas):
        differing.append("--replica")
    old, new = (str(v).split(".")[0] for v in (manifest.get("carbonize_version"), carbonize.__version__))
    if "carbonize_version" in manifest and old != new:
        differing.append(
            f"carbonize_version: {manifest.get('carbonize_version')}, now {carbonize.__version__}"
        )
    if differing:
        raise InputError(
            f"{protocol.parent}: holds a run of another protocol (differs in {', '.join(differing)}); "
            "choose another --out, or remove the folder to start again"
        )


def check_prepared(protocol: Path, config: RunConfig) -> None:
    """Refuse to begin a run in a folder that was prepared for another one.

    Raises
    ------
    InputError
        Naming the keys that differ.
    """
    differing = _differences(load_protocol(protocol), config)
    if differing:
        raise InputError(
            f"{protocol.parent}: was prepared for a run of another protocol (differs in {', '.join(differing)}); "
            "choose another --out"
        )


def _moved(manifest: Mapping[str, Any], folder: Path, config: RunConfig) -> bool:
    """Whether a run is the same but for files that were moved along with its folder."""
    before = manifest.get("folder")
    if not isinstance(before, str):
        return False
    here = folder.resolve()

    def back(data: Any) -> Any:
        if isinstance(data, dict):
            return {
                key: _moved_path(value, here, before) if key in ("path", "paths", "file") else back(value)
                for key, value in data.items()
            }
        return data

    return manifest.get("config_hash") == config_hash(
        RunConfig.model_validate(back(config.model_dump(mode="json")))
    )


def _moved_path(value: Any, here: Path, before: str) -> Any:
    if isinstance(value, list | tuple):
        return [_moved_path(item, here, before) for item in value]
    if not isinstance(value, str):
        return value
    return os.path.normpath(os.path.join(before, os.path.relpath(value, here)))


def _differences(old: RunConfig, new: RunConfig) -> list[str]:
    def flat(data: Any, prefix: str) -> dict[str, Any]:
        if isinstance(data, dict):
            return {k2: v2 for k, v in data.items() for k2, v2 in flat(v, f"{prefix}{k}.").items()}
        return {prefix.rstrip("."): data}

    a, b = flat(old.model_dump(mode="json"), ""), flat(new.model_dump(mode="json"), "")
    return sorted(k for k in a.keys() | b.keys() if a.get(k) != b.get(k))


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _VERSIONS_OF:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
