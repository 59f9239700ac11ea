"""What a run starts from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from carbonize.config.fields import FrozenModel, Seed, no_bool

__all__ = [
    "MOST_REPLICAS",
    "FileStructure",
    "RandomStructure",
    "StructureConfig",
]


MOST_REPLICAS = 100_000


class FileStructure(FrozenModel):
    """Start from a structure file (any format that ASE reads), or from several: one a replica."""

    kind: Literal["file"]
    path: str | None = Field(default=None, min_length=1, description="relative to the protocol file")
    paths: tuple[Annotated[str, Field(min_length=1)], ...] | None = Field(
        default=None, min_length=1, max_length=MOST_REPLICAS, description="one start a replica, in turn"
    )

    @model_validator(mode="after")
    def _one_source(self) -> FileStructure:
        if (self.path is None) == (self.paths is None):
            raise ValueError(
                "path: is missing" if self.path is None else "give either path or paths, not both"
            )
        return self

    @property
    def starts(self) -> tuple[str, ...]:
        """The files, in the order in which replicas take them."""
        return self.paths if self.paths is not None else (str(self.path),)


class RandomStructure(FrozenModel):
    """Start from a random packing, relaxed so that dynamics can start, or from several."""

    kind: Literal["random"]
    atoms: Annotated[int, BeforeValidator(no_bool), Field(ge=2, le=100_000_000)]
    density_g_cm3: Annotated[float, BeforeValidator(no_bool), Field(gt=0, le=10, allow_inf_nan=False)]
    seed: Seed | None = Field(default=None, description="default 1")
    seeds: tuple[Seed, ...] | None = Field(
        default=None, min_length=1, max_length=MOST_REPLICAS, description="one packing a replica, in turn"
    )

    @model_validator(mode="after")
    def _one_source(self) -> RandomStructure:
        if self.seed is not None and self.seeds is not None:
            raise ValueError("give either seed or seeds, not both")
        return self

    @property
    def starts(self) -> tuple[int, ...]:
        """The seeds, in the order in which replicas take them."""
        return self.seeds if self.seeds is not None else (1 if self.seed is None else self.seed,)


StructureConfig = Annotated[FileStructure | RandomStructure, Field(discriminator="kind")]
