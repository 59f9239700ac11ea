"""Measured quantities from a YAML file."""

from __future__ import annotations

import dataclasses
import difflib
import math
from pathlib import Path
from typing import Any

from carbonize.errors import InputError

__all__ = ["QUANTITIES", "MeasuredTable", "Quantity", "read_table"]


@dataclasses.dataclass(frozen=True)
class Quantity:
    """Something that is measured and simulated.

    Attributes
    ----------
    name, unit
        In words.
    place
        Keys to it in the result of :func:`carbonize.analyze`.
    parts
        Of the analysis that it takes.
    error
        Keys to its standard error there, or none.
    """

    name: str
    unit: str
    place: tuple[str, ...]
    parts: tuple[str, ...]
    error: tuple[str, ...] = ()


def _xrd(key: str) -> dict[str, Any]:
    return {"place": ("scattering", "xrd", key), "parts": ("scattering",)}


def _saxs(*keys: str) -> dict[str, Any]:
    return {"place": ("scattering", "saxs", *keys), "parts": ("scattering",)}


_OCCUPIED = ("pores", "occupiable")
_XRD, _SAXS = ("scattering", "xrd"), ("scattering", "saxs")

QUANTITIES: dict[str, Quantity] = {
    "d002_A": Quantity("layer spacing d002", "Å", **_xrd("d002_A"), error=(*_XRD, "d002_error_A")),
    "Lc_A": Quantity("height of stacks Lc", "Å", **_xrd("Lc_A"), error=(*_XRD, "Lc_error_A")),
    "La_A": Quantity("size of layers La", "Å", **_xrd("La_A"), error=(*_XRD, "La_error_A")),
    "layers": Quantity("layers in a stack, Lc/d002", "", **_xrd("layers")),
    "Rg_A": Quantity("radius of gyration", "Å", **_saxs("Rg_A"), error=(*_SAXS, "Rg_error_A")),
    "R_A": Quantity("pore radius R", "Å", **_saxs("R_A")),
    "teubner_strey_d_A": Quantity(
        "Teubner-Strey period d", "Å", **_saxs("teubner_strey", "d_A"), error=(*_SAXS, "teubner_strey", "d_error_A")
    ),
    "teubner_strey_xi_A": Quantity(
        "Teubner-Strey length ξ", "Å", **_saxs("teubner_strey", "xi_A"), error=(*_SAXS, "teubner_strey", "xi_error_A")
    ),
    "saxs_surface_m2_g": Quantity("surface at small angles", "m²/g", **_saxs("surface_m2_g")),
    "ID_IG": Quantity("Raman I_D/I_G (estimate)", "", ("scattering", "raman", "ID_IG", "law"), ("scattering",)),
    "density_g_cm3": Quantity("density with pores", "g/cm³", ("density_g_cm3",), ()),
    "sp2": Quantity("share of sp2 atoms", "", ("bonding", "sp2"), ("bonding",)),
    "helium_density_g_cm3": Quantity(
        "helium density", "g/cm³", ("pores", "helium_density_g_cm3"), _OCCUPIED
    ),
    "closed_pore_volume_cm3_g": Quantity(
        "closed-pore volume by helium", "cm³/g", ("pores", "closed_pore_volume_cm3_g"), _OCCUPIED
    ),
    "N2_surface_m2_g": Quantity(
        "surface that nitrogen reaches", "m²/g", ("pores", "probes", "N2", "accessible_area_m2_g"), ("pores",)
    ),
    "N2_volume_cm3_g": Quantity(
        "volume that nitrogen covers", "cm³/g", (*_OCCUPIED, "N2", "accessible_cm3_g"), _OCCUPIED
    ),
    "plateau_mAh_g": Quantity(
        "plateau capacity (estimate)", "mAh/g", ("capacity", "plateau_mAh_g"), ("pores", "occupiable", "capacity")
    ),
}  # fmt: skip
"""What a table may name."""


@dataclasses.dataclass(frozen=True)
class MeasuredTable:
    """Measured quantities.

    Attributes
    ----------
    path
        The file, None if there is none.
    name
        Of the sample.
    heat_treatment_C
        Highest temperature it saw, if known.
    values
        Value and standard error (None if not given) by name.
    """

    path: Path | None
    name: str
    heat_treatment_C: float | None
    values: dict[str, tuple[float, float | None]]


def read_table(path: Path) -> MeasuredTable:
    """Read ``name: value``, ``name: [value, standard error]`` or ``name: {value: ..., error: ...}``.

    ``name`` and ``heat_treatment_C`` describe the sample; all else is one of :data:`QUANTITIES`.

    Raises
    ------
    InputError
        Naming the line that cannot be used.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{path}{where}: not YAML: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(root, yaml.MappingNode) or not root.value:
        raise InputError(f"{path}: write one quantity a line, for example d002_A: [3.78, 0.02]")
    name, treatment, values = path.stem, None, {}
    for key_node, node in root.value:
        where = f"{path}, line {key_node.start_mark.line + 1}"
        key = str(key_node.value)
        plain = _plain(node)
        if key == "name":
            name = str(plain)
        elif key == "heat_treatment_C":
            treatment = _number(where, key, plain)
        elif key not in QUANTITIES:
            near = difflib.get_close_matches(key, [*QUANTITIES, "name", "heat_treatment_C"], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(f"{where}: unknown quantity {key!r}{hint} (known: {', '.join(QUANTITIES)})")
        elif key in values:
            raise InputError(f"{where}: {key} stands there twice")
        else:
            values[key] = _value(where, key, plain)
    return MeasuredTable(path, name, treatment, values)


def _plain(node: Any) -> Any:
    import yaml

    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    finally:
        loader.dispose()


def _value(where: str, key: str, plain: Any) -> tuple[float, float | None]:
    if isinstance(plain, dict):
        if not {"value"} <= set(plain) <= {"value", "error"}:
            raise InputError(
                f"{where}: {key} takes value and error, got {', '.join(map(str, plain)) or 'nothing'}"
            )
        plain = [plain["value"]] + ([plain["error"]] if plain.get("error") is not None else [])
    if isinstance(plain, list):
        if len(plain) not in (1, 2):
            raise InputError(f"{where}: {key} takes [value, standard error], got {len(plain)} numbers")
        error = _number(where, f"the standard error of {key}", plain[1]) if len(plain) == 2 else None
        if error is not None and error <= 0:
            raise InputError(f"{where}: the standard error of {key} must be more than 0, got {error:g}")
        return _number(where, key, plain[0]), error
    return _number(where, key, plain), None


def _number(where: str, what: str, plain: Any) -> float:
    if isinstance(plain, bool) or not isinstance(plain, int | float) or not math.isfinite(plain):
        raise InputError(f"{where}: {what} must be a number, got {plain!r}")
    return float(plain)
