"""The study file: protocols x precursors x replicas (x potentials).

A study is read whole: its protocols and build specs are checked with it, and everything in it has
a name of its own. Importing this module needs neither jax nor ovito.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from carbonize.config.fields import Seed, no_bool
from carbonize.config.load import explain_validation, load_protocol, read_yaml_mapping, short_line
from carbonize.config.models import MOST_REPLICAS, PotentialConfig, RunConfig
from carbonize.errors import InputError

__all__ = ["NamedPotential", "NamedProtocol", "Precursor", "Study", "load_study", "seed_from"]

_MOST = 10_000
_LONGEST_NAME = 80


def _path_or_spec(value: Any) -> Any:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, Mapping):
        return dict(value)
    raise ValueError("expected a path, or a build spec such as {kind: random, atoms: 1000, ...}")


class _StudyFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=_LONGEST_NAME)
    protocols: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1, max_length=_MOST)
    precursors: tuple[Annotated[Any, BeforeValidator(_path_or_spec)], ...] = Field(
        min_length=1, max_length=_MOST
    )
    replicas: Annotated[int, BeforeValidator(no_bool), Field(ge=1, le=MOST_REPLICAS)] = 1
    seed: Seed = 1
    potentials: tuple[PotentialConfig, ...] | None = Field(default=None, min_length=1, max_length=100)

    @field_validator("name")
    @classmethod
    def _file_name(cls, value: str) -> str:
        return _usable(value)


class NamedProtocol(NamedTuple):
    """A protocol of a study; its structure, seed and replicas are the study's."""

    name: str
    path: Path
    config: RunConfig


class Precursor(NamedTuple):
    """A start structure of a study: a file, or what to build."""

    name: str
    path: Path | None
    spec: Any


class NamedPotential(NamedTuple):
    """A potential and its name."""

    name: str
    config: Any


@dataclasses.dataclass(frozen=True)
class Study:
    """A study file with everything it names.

    Attributes
    ----------
    name, seed, replicas
        As in the file.
    protocols, precursors
        In the order of the file, names unique.
    potentials
        That every protocol is run with; None: each protocol's own.
    """

    name: str
    seed: int
    replicas: int
    protocols: tuple[NamedProtocol, ...]
    precursors: tuple[Precursor, ...]
    potentials: tuple[NamedPotential, ...] | None

    def potentials_of(self, protocol: NamedProtocol) -> tuple[NamedPotential, ...]:
        """What a protocol is run with."""
        return self.potentials or (_named_potential(protocol.config.potential),)


def load_study(path: str | Path) -> Study:
    """Read a study file (YAML) and the protocols it names; paths are relative to the file.

    Raises
    ------
    InputError
        If the file or one of its protocols or build specs cannot be used, a structure file is
        missing, or a name occurs twice.
    """
    path = Path(path)
    data = read_yaml_mapping(path, "study", "name:")
    try:
        content = _StudyFile.model_validate(data)
    except ValidationError as err:
        raise InputError(f"{path}: {short_line(explain_validation(err, _StudyFile))}") from None
    base = path.resolve().parent
    protocols = tuple(_protocol(base / p, f"{path}: protocols.{i}") for i, p in enumerate(content.protocols))
    precursors = tuple(
        _precursor(p, base, content.seed, f"{path}: precursors.{i}") for i, p in enumerate(content.precursors)
    )
    potentials = None
    if content.potentials is not None:
        potentials = tuple(_named_potential(_resolved(p, base)) for p in content.potentials)
        _refuse_twice([p.name for p in potentials], [p.name for p in potentials], path, "potentials")
    for what, named in (("protocols", protocols), ("precursors", precursors)):
        sources = [str(n.path) if n.path is not None else f"{what}.{i}" for i, n in enumerate(named)]
        _refuse_twice([n.name for n in named], sources, path, what)
    return Study(content.name, content.seed, content.replicas, protocols, precursors, potentials)


def seed_from(seed: int, *what: str) -> int:
    """A seed (32 bits) for one purpose, from the study's seed and the names of what it is for.

    >>> seed_from(1, "run", "a") == seed_from(1, "run", "a") != seed_from(1, "run", "b")
    True
    """
    text = "/".join([str(seed), *what])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def _protocol(path: Path, where: str) -> NamedProtocol:
    try:
        config = load_protocol(path)
    except InputError as err:
        raise InputError(f"{where}: {err}") from None
    if len(config.named_schedules) > 1:
        raise InputError(
            f"{where}: {path}: has {len(config.named_schedules)} schedules; a study compares protocols of one "
            "schedule each: give every schedule a protocol file of its own"
        )
    return NamedProtocol(_checked(config.name, where), path, config)


def _precursor(given: Any, base: Path, seed: int, where: str) -> Precursor:
    if isinstance(given, str):
        path = base / given
        if not path.is_file():
            reason = "is a folder, expected a structure file" if path.is_dir() else "no such file"
            raise InputError(f"{where}: {path}: {reason}")
        return Precursor(_checked(path.stem, where), path, None)
    from carbonize.config.builds import parse_build

    spec = parse_build(given, base, where)
    name = spec.name or f"{spec.kind}-{where.rpartition('.')[2]}"
    if "seed" not in spec.model_fields_set:
        spec = spec.model_copy(update={"seed": seed_from(seed, "build", name)})
    return Precursor(_checked(name, where), None, spec.model_copy(update={"name": name}))


def _resolved(potential: Any, base: Path) -> Any:
    if getattr(potential, "file", None) is None:
        return potential
    return potential.model_copy(update={"file": str((base / potential.file).resolve())})


def _named_potential(potential: Any) -> NamedPotential:
    """A potential's kind, parameter set or file, in a word.

    >>> from carbonize.config.models import TersoffConfig
    >>> _named_potential(TersoffConfig(kind="tersoff", parameters="tersoff-1989")).name
    'tersoff-1989'
    """
    file = getattr(potential, "file", None)
    name = getattr(potential, "parameters", None) or potential.kind
    if file is not None:
        name = f"{potential.kind}-{Path(file).stem}"
    if getattr(potential, "dispersion", None) is not None:
        name += "+dispersion"
    return NamedPotential(name, potential)


def _refuse_twice(names: Sequence[str], sources: Sequence[str], path: Path, what: str) -> None:
    first: dict[str, str] = {}
    for name, source in zip(names, sources, strict=True):
        if name in first:
            both = f"{first[name]} and {source}" if first[name] != source else f"{source}, given twice"
            raise InputError(
                f"{path}: {what}: two are named {name!r} ({both}); give each a name of its own, or leave one out"
            )
        first[name] = source


def _checked(name: str, where: str) -> str:
    try:
        return _usable(name)
    except ValueError as err:
        raise InputError(f"{where}: {short_line(str(err))}") from None


def _usable(name: str) -> str:
    """A name as part of a folder's name."""
    if not name or name.startswith(".") or any(c in name for c in "/\\\0") or not name.isprintable():
        raise ValueError(f"the name {name!r} becomes a folder: no slashes, control characters or leading dot")
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"the name {name!r} is too long: up to {_LONGEST_NAME} characters")
    return name
