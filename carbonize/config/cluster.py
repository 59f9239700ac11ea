"""The cluster file: what a batch system wants to know of a job. Imports neither jax nor ovito."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from carbonize.config.fields import Count, no_bool
from carbonize.config.load import explain_validation, read_yaml_mapping, short_line
from carbonize.errors import InputError

__all__ = ["ClusterConfig", "ContainerConfig", "load_cluster"]


def _time(value: Any) -> Any:
    if isinstance(value, int | float):
        raise ValueError('put the time in quotes, for example "12:00:00" (YAML reads 12:00:00 as a number)')
    return value


def _container(value: Any) -> Any:
    return {"image": value} if isinstance(value, str) else value


def _one_line(value: Any) -> Any:
    if isinstance(value, str) and not value.isprintable():
        raise ValueError("expected one line of printable text")
    return value


Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\w.,:+@%/=&|*\[\]-]+$")]
Line = Annotated[str, BeforeValidator(_one_line), Field(min_length=1, max_length=1000)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ContainerConfig(_Model):
    """An image to run in."""

    image: Line
    command: Line = Field(default="apptainer exec --nv", description="how to run a program in it")


class ClusterConfig(_Model):
    """What every job asks for; what is left out is up to the cluster."""

    account: Word | None = None
    partition: Word | None = None
    qos: Word | None = None
    constraint: Word | None = None
    time: Annotated[str, BeforeValidator(_time), Field(pattern=r"^(\d+-)?\d+(:\d\d){0,2}$")] | None = Field(
        default=None, description="time limit of a job: minutes, H:MM:SS or D-HH:MM:SS, in quotes"
    )
    cpus: Annotated[Count, Field(le=10_000)] = Field(default=4, description="cores of a job")
    memory: Annotated[str, Field(pattern=r"^\d+[KMGT]?$")] | None = Field(
        default=None, description="of a job, for example 16G"
    )
    gpus: Annotated[int, BeforeValidator(no_bool), Field(ge=0, le=64)] = Field(
        default=1, description="cards of a job; 0: none, run on the processor"
    )
    max_running: Count | None = Field(default=None, description="jobs of one array at the same time")
    signal_s: Annotated[int, BeforeValidator(no_bool), Field(ge=5, le=65_535)] = Field(
        default=120, description="seconds before the time limit at which a job makes its checkpoint"
    )
    most_stalls: Annotated[Count, Field(le=1000)] = Field(
        default=3, description="starts without one step of progress after which a job is not requeued"
    )
    modules: tuple[Word, ...] = Field(default=(), description="loaded with module load")
    setup: tuple[Line, ...] = Field(default=(), description="lines of bash before carbonize is called")
    environment: dict[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")], Line] = Field(
        default_factory=dict, description="variables to set"
    )
    container: Annotated[ContainerConfig | None, BeforeValidator(_container)] = Field(
        default=None, description="an image, or {image, command}"
    )
    command: Line | None = Field(
        default=None, description="how carbonize is called; default: this Python, in a container carbonize"
    )
    options: tuple[Annotated[Line, Field(pattern=r"^--?\w")], ...] = Field(
        default=(), description="further options of sbatch, one an item: --exclude=node7"
    )


def load_cluster(path: str | Path | None) -> ClusterConfig:
    """Read a cluster file (YAML); None gives the defaults.

    Raises
    ------
    InputError
        Naming the first offending key.
    """
    if path is None:
        return ClusterConfig()
    path = Path(path)
    data: Mapping[Any, Any] = read_yaml_mapping(path, "cluster", "account:")
    try:
        return ClusterConfig.model_validate(dict(data))
    except ValidationError as err:
        raise InputError(f"{path}: {short_line(explain_validation(err, ClusterConfig))}") from None
