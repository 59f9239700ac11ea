"""study.json: the manifest of a study folder."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path, PurePosixPath
from typing import Any

from carbonize.errors import InputError
from carbonize.io.files import read_json, write_atomic

__all__ = ["StudyManifest", "StudyRun", "is_study", "read_study", "write_study"]

NAME = "study.json"
_SCHEMA_VERSION = 1


@dataclasses.dataclass(frozen=True)
class StudyRun:
    """One run of a study: what it combines, and its folder relative to the study's."""

    id: str
    protocol: str
    precursor: str
    potential: str
    folder: str
    replicas: int


@dataclasses.dataclass(frozen=True)
class StudyManifest:
    """The runs of a study, in order."""

    name: str
    seed: int
    replicas: int
    runs: tuple[StudyRun, ...]


def is_study(folder: Path) -> bool:
    """Whether a folder holds a study."""
    return (folder / NAME).is_file()


def write_study(folder: Path, manifest: StudyManifest) -> None:
    """Write study.json."""
    content = {"schema_version": _SCHEMA_VERSION, **dataclasses.asdict(manifest)}
    write_atomic(folder / NAME, json.dumps(content, indent=1) + "\n")


def read_study(folder: str | Path) -> StudyManifest:
    """Read study.json.

    Raises
    ------
    InputError
        If the folder holds no study, or one that this version cannot read.
    """
    folder = Path(folder)
    path = folder / NAME
    if not path.is_file():
        raise InputError(f"{folder}: not a study folder (no {NAME}); carbonize study makes one")
    data = read_json(path)
    if data.get("schema_version") != _SCHEMA_VERSION:
        raise InputError(
            f"{path}: a study of another carbonize (schema_version {data.get('schema_version')!r}, "
            f"this one knows {_SCHEMA_VERSION})"
        )
    name, seed, replicas, rows = (data.get(key) for key in ("name", "seed", "replicas", "runs"))
    if (
        not isinstance(name, str)
        or not _is_count(seed)
        or not _is_count(replicas)
        or not isinstance(rows, list)
    ):
        raise InputError(f"{path}: is damaged: name, seed, replicas or runs are not what they should be")
    runs = tuple(_run(path, i, row) for i, row in enumerate(rows))
    if len({run.id for run in runs}) < len(runs) or len({run.folder for run in runs}) < len(runs):
        raise InputError(f"{path}: is damaged: a run stands in it twice")
    return StudyManifest(name, seed, replicas, runs)  # type: ignore[arg-type]


def _run(path: Path, i: int, row: Any) -> StudyRun:
    texts = ("id", "protocol", "precursor", "potential", "folder")
    if not isinstance(row, dict) or not all(isinstance(row.get(k), str) and row[k] for k in texts):
        raise InputError(f"{path}: runs.{i}: is damaged: expected {', '.join(texts)} and replicas")
    inside = PurePosixPath(row["folder"])
    if inside.is_absolute() or ".." in inside.parts or not _is_count(row.get("replicas")):
        raise InputError(f"{path}: runs.{i}: is damaged: folder or replicas are not what they should be")
    return StudyRun(*(row[k] for k in texts), replicas=row["replicas"])


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53
