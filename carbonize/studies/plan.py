"""What a study consists of: its runs, each with its protocol, and what makes two studies differ."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from carbonize.config import RunConfig
from carbonize.config.models import FileStructure
from carbonize.config.study import NamedPotential, NamedProtocol, Precursor, Study, seed_from
from carbonize.errors import InputError
from carbonize.io.study import StudyManifest, StudyRun

__all__ = [
    "PlannedRun",
    "differences",
    "fingerprint",
    "manifest_of",
    "plan",
    "potential_copy",
    "precursor_file",
]


@dataclasses.dataclass(frozen=True)
class PlannedRun:
    """A run and its protocol, the paths in it relative to the run's folder."""

    run: StudyRun
    config: RunConfig


def plan(study: Study) -> tuple[PlannedRun, ...]:
    """The runs of a study: every protocol on every precursor (with every potential).

    The seed is a function of the study's seed and the precursor: replica k of a precursor has the
    same start and the same stream of random numbers under every protocol and potential.

    Raises
    ------
    InputError
        If two runs would get the same folder.
    """
    runs: list[PlannedRun] = []
    for precursor in study.precursors:
        for protocol in study.protocols:
            for potential in study.potentials_of(protocol):
                runs.append(_planned(study, protocol, precursor, potential))
    ids = [planned.run.id for planned in runs]
    twice = next((i for i in ids if ids.count(i) > 1), None)
    if twice is not None:
        raise InputError(
            f"study {study.name}: two runs would be called {twice!r}; rename a protocol or precursor that "
            "has -- in its name"
        )
    return tuple(runs)


def manifest_of(study: Study, runs: tuple[PlannedRun, ...]) -> StudyManifest:
    """study.json's content."""
    return StudyManifest(study.name, study.seed, study.replicas, tuple(planned.run for planned in runs))


def precursor_file(precursor: Precursor) -> str:
    """Name of a precursor's file in ``precursors/``."""
    return precursor.path.name if precursor.path is not None else f"{precursor.name}.extxyz"


def potential_copy(potential: Any) -> str | None:
    """Name of the copy of a potential's file in ``potentials/``; None where it has no file.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    file = getattr(potential, "file", None)
    if file is None:
        return None
    path = Path(file)
    return f"{path.stem}-{_digest(path)[:8]}{path.suffix}"


def fingerprint(study: Study) -> dict[str, Any]:
    """Everything in a study that its results depend on; files by their content.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    return {
        "name": study.name,
        "seed": study.seed,
        "replicas": study.replicas,
        "protocols": {p.name: _of_protocol(p, study.potentials is None) for p in study.protocols},
        "precursors": {p.name: _of_precursor(p) for p in study.precursors},
        "potentials": {
            p.name: _with_digests(p.config.model_dump(mode="json")) for p in study.potentials or ()
        },
    }


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Where two fingerprints differ, in words.

    >>> differences({"seed": 1, "a": {"b": 2}}, {"seed": 2, "a": {"b": 2, "c": 3}})
    ['a.c: was absent, now 3', 'seed: was 1, now 2']
    """
    a, b = _flat(old, ""), _flat(new, "")
    return [
        f"{key}: was {_shown(a, key)}, now {_shown(b, key)}"
        for key in sorted(a.keys() | b.keys())
        if key not in a or key not in b or a[key] != b[key]
    ]


def _planned(
    study: Study, protocol: NamedProtocol, precursor: Precursor, potential: NamedPotential
) -> PlannedRun:
    names = [protocol.name, precursor.name]
    if study.potentials is not None and len(study.potentials) > 1:
        names.append(potential.name)
    name = "--".join(names)
    config, copy = protocol.config, potential_copy(potential.config)
    law = potential.config
    if copy is not None:
        law = law.model_copy(update={"file": f"../../potentials/{copy}"})
    seed = seed_from(study.seed, "run", precursor.name)
    config = config.model_copy(
        update={
            "structure": FileStructure(kind="file", path=f"../../precursors/{precursor_file(precursor)}"),
            "potential": law,
            "dynamics": config.dynamics.model_copy(update={"seed": seed, "replicas": study.replicas}),
        }
    )
    run = StudyRun(name, protocol.name, precursor.name, potential.name, f"runs/{name}", study.replicas)
    return PlannedRun(run, config)


def _of_protocol(protocol: NamedProtocol, with_potential: bool) -> dict[str, Any]:
    content = protocol.config.model_dump(mode="json")
    del content["structure"]
    for key in ("seed", "replicas"):
        del content["dynamics"][key]
    if not with_potential:
        del content["potential"]
    return _with_digests(content)


def _of_precursor(precursor: Precursor) -> dict[str, Any]:
    if precursor.path is not None:
        return {"file": precursor.path.name, "sha256": _digest(precursor.path)}
    return _with_digests(precursor.spec.model_dump(mode="json"))


def _with_digests(content: Any) -> Any:
    """Paths of files replaced by what is in them."""
    if isinstance(content, dict):
        return {
            key: f"sha256:{_digest(Path(value))}"
            if key in ("file", "path") and isinstance(value, str)
            else _with_digests(value)
            for key, value in content.items()
        }
    return [_with_digests(item) for item in content] if isinstance(content, list | tuple) else content


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as err:
        raise InputError(f"{path}: cannot be read: {err.strerror or err}") from None


def _flat(data: Any, prefix: str) -> dict[str, Any]:
    if isinstance(data, Mapping):
        return {k: v for key, value in data.items() for k, v in _flat(value, f"{prefix}{key}.").items()}
    if isinstance(data, list | tuple):
        return {k: v for i, value in enumerate(data) for k, v in _flat(value, f"{prefix}{i}.").items()}
    return {prefix.rstrip("."): data}


def _shown(flat: Mapping[str, Any], key: str) -> str:
    if key not in flat:
        return "absent"
    text = str(flat[key])
    return text if len(text) <= 60 else f"{text[:24]}..."
