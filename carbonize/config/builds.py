"""What a start structure shall be, as frozen pydantic models: ``carbonize build``, and studies.

As in the protocol every field carries its unit in its name and unknown keys are refused.
Importing this module needs neither jax nor ovito.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from carbonize.config.fields import Count, NotNegative, Positive, Seed
from carbonize.config.load import explain_validation
from carbonize.config.models import EdipConfig, PotentialConfig
from carbonize.errors import InputError

__all__ = [
    "BuildSpec",
    "FileMatrix",
    "FragmentsMatrix",
    "FragmentsSpec",
    "MatrixSpec",
    "MeltQuenchMatrix",
    "MeltQuenchSpec",
    "RandomMatrix",
    "RandomSpec",
    "TemplatedSpec",
    "parse_build",
]

LARGEST_DENSITY_G_CM3 = 4.0
"""Diamond has 3.52."""

AREA_PER_ATOM_A2 = 2.619
"""Of a graphene sheet with bonds of 1.42 A: 3 sqrt(3) / 4 times their square."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Size(_Model):
    atoms: Annotated[Count, Field(ge=2, le=10_000_000)]
    density_g_cm3: Annotated[
        Positive, Field(le=LARGEST_DENSITY_G_CM3, description="of the whole cell, as carbon")
    ]


class _Work(_Model):
    name: str | None = Field(default=None, min_length=1, max_length=200)
    seed: Seed = 1
    potential: PotentialConfig = EdipConfig(kind="edip")


class RandomMatrix(_Model):
    """Atoms placed at random with a minimum distance."""

    kind: Literal["random"]
    min_distance_A: Positive | None = Field(default=None, description="default: 1.45 A or less")


class MeltQuenchMatrix(_Model):
    """A melt, quenched at constant volume."""

    kind: Literal["melt-quench"]
    melt_K: Positive = 6000.0
    melt_ps: Positive = 1.0
    quench_ps: Positive = 1.0
    to_K: Positive = 300.0
    timestep_fs: Positive = 0.25

    @model_validator(mode="after")
    def _cools(self) -> MeltQuenchMatrix:
        if self.to_K >= self.melt_K:
            raise ValueError(f"to_K {self.to_K:g} is not below melt_K {self.melt_K:g}")
        return self


class FragmentsMatrix(_Model):
    """Packed curved graphene fragments with sp3 bridges between them."""

    kind: Literal["fragments"]
    fragment_atoms: Annotated[Count, Field(ge=6, le=2000)] | None = Field(
        default=None, description="mean size; default 40"
    )
    fragment_diameter_A: Annotated[Positive, Field(ge=2.5, le=80)] | None = Field(
        default=None, description="the same as the diameter of a flat disk"
    )
    fragment_spread: Annotated[NotNegative, Field(le=1)] = Field(
        default=0.2, description="standard deviation of the number of atoms over its mean"
    )
    curvature: Literal["sphere", "cylinder", "flat"] = Field(
        default="sphere", description="sphere: by pentagons; cylinder: bent, hexagons only"
    )
    curvature_radius_A: Annotated[Positive, Field(ge=3.5, le=1000)] | None = Field(
        default=None, description="default 12, none if flat"
    )
    cross_linking: Annotated[NotNegative, Field(le=0.3)] = Field(
        default=0.05, description="fraction of atoms that are sp3 bridges between fragments"
    )

    @model_validator(mode="after")
    def _belong_together(self) -> FragmentsMatrix:
        if self.fragment_atoms is not None and self.fragment_diameter_A is not None:
            raise ValueError("give either fragment_atoms or fragment_diameter_A, not both")
        if self.curvature == "flat" and self.curvature_radius_A is not None:
            raise ValueError(
                "flat fragments have no curvature_radius_A; leave it out, or choose sphere or cylinder"
            )
        return self

    @property
    def mean_atoms(self) -> float:
        """Mean number of atoms of a fragment."""
        if self.fragment_diameter_A is not None:
            return max(6.0, 3.141592653589793 / 4 * self.fragment_diameter_A**2 / AREA_PER_ATOM_A2)
        return float(self.fragment_atoms or 40)

    @property
    def radius_A(self) -> float | None:
        """Radius of curvature (A); None if flat."""
        if self.curvature == "flat":
            return None
        return 12.0 if self.curvature_radius_A is None else self.curvature_radius_A


class FileMatrix(_Model):
    """A structure of one's own, into which templates are cut."""

    kind: Literal["file"]
    path: str = Field(min_length=1, description="any format that ASE reads")


MatrixSpec = Annotated[
    RandomMatrix | MeltQuenchMatrix | FragmentsMatrix | FileMatrix, Field(discriminator="kind")
]


class RandomSpec(RandomMatrix, _Size, _Work):
    """A random packing, relaxed so that dynamics can start."""

    force_tolerance_eV_A: Positive = 1.0


class MeltQuenchSpec(MeltQuenchMatrix, _Size, _Work):
    """A melt-quenched carbon, relaxed; with ``wall_density_g_cm3`` pores are cut into it."""

    wall_density_g_cm3: Annotated[Positive, Field(le=LARGEST_DENSITY_G_CM3)] | None = None
    pore_diameter_A: Positive = Field(default=10.0, description="between atom centres")
    force_tolerance_eV_A: Positive = 0.1

    @model_validator(mode="after")
    def _walls_are_denser(self) -> MeltQuenchSpec:
        wall = self.wall_density_g_cm3
        if wall is not None and wall <= self.density_g_cm3:
            raise ValueError(f"wall_density_g_cm3 {wall:g} is not above density_g_cm3 {self.density_g_cm3:g}")
        return self


class FragmentsSpec(FragmentsMatrix, _Size, _Work):
    """Packed, cross-linked, relaxed graphene fragments."""

    force_tolerance_eV_A: Positive = 0.2


class TemplatedSpec(_Work):
    """A matrix around templates that are gone before dynamics starts."""

    kind: Literal["templated"]
    matrix: MatrixSpec
    atoms: Annotated[Count, Field(ge=2, le=10_000_000)] | None = Field(
        default=None, description="that stay; none for a file"
    )
    density_g_cm3: Annotated[Positive, Field(le=LARGEST_DENSITY_G_CM3)] | None = Field(
        default=None, description="of the whole cell, cavities included"
    )
    template: Literal["sphere", "slit"] = "sphere"
    template_size_A: Positive = Field(
        default=12.0, description="diameter or width of the cavity between the surfaces of atoms"
    )
    number: Annotated[Count, Field(le=100_000)] | None = Field(default=None, description="of templates")
    porosity: Annotated[Positive, Field(lt=0.95)] | None = Field(
        default=None, description="templates' share of the cell"
    )
    force_tolerance_eV_A: Positive = 0.2

    @model_validator(mode="after")
    def _one_amount(self) -> TemplatedSpec:
        if self.number is not None and self.porosity is not None:
            raise ValueError("give either number or porosity, not both")
        if self.matrix.kind == "file":
            if self.atoms is not None:
                raise ValueError("atoms: a matrix from a file has its own; leave it out")
            given = sum(x is not None for x in (self.number, self.porosity, self.density_g_cm3))
            if given != 1:
                raise ValueError(
                    "give exactly one of number, porosity and density_g_cm3 for a matrix from a file"
                )
        elif self.atoms is None or self.density_g_cm3 is None:
            raise ValueError(f"{'atoms' if self.atoms is None else 'density_g_cm3'}: is missing")
        elif self.number is None and self.porosity is None:
            raise ValueError("give number (of templates) or porosity")
        return self


BuildSpec = Annotated[
    RandomSpec | MeltQuenchSpec | FragmentsSpec | TemplatedSpec, Field(discriminator="kind")
]

_KINDS: dict[str, type[BaseModel]] = {
    "random": RandomSpec,
    "melt-quench": MeltQuenchSpec,
    "fragments": FragmentsSpec,
    "templated": TemplatedSpec,
}


class _Holder(_Model):
    precursor: BuildSpec


def parse_build(
    data: Mapping[str, Any], base: str | Path | None = None, source: str = "build"
) -> RandomSpec | MeltQuenchSpec | FragmentsSpec | TemplatedSpec:
    """Check a build spec given as a mapping; paths in it come back absolute.

    Parameters
    ----------
    data
        ``kind`` (random, melt-quench, fragments or templated) and its fields.
    base
        Folder that relative paths start from (default: the current one).
    source
        What to call the spec in error messages.

    Raises
    ------
    InputError
        Naming the first offending key, what was got and what was expected.

    Examples
    --------
    >>> parse_build({"kind": "random", "atoms": 100, "density_g_cm3": 1.2}).seed
    1
    """
    model = _KINDS.get(str(data.get("kind")), _Holder)
    try:
        if model is _Holder:
            spec: Any = _Holder.model_validate({"precursor": dict(data)}).precursor
        else:
            spec = model.model_validate(dict(data))
    except ValidationError as err:
        text = explain_validation(err, model).removeprefix("precursor: ")
        raise InputError(f"{source}: {text}") from None
    return _resolved(spec, Path(base) if base is not None else Path.cwd())


def _resolved(spec: Any, base: Path) -> Any:
    update: dict[str, Any] = {}
    if spec.potential.kind != "edip" and spec.potential.file is not None:
        path = str((base / spec.potential.file).resolve())
        update["potential"] = spec.potential.model_copy(update={"file": path})
    if spec.kind == "templated" and spec.matrix.kind == "file":
        path = str((base / spec.matrix.path).resolve())
        update["matrix"] = spec.matrix.model_copy(update={"path": path})
    return spec.model_copy(update=update) if update else spec
