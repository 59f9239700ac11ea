"""Distributions and scattering curves of structures, beside the numbers of ``analyze``.

Every part that has curves names one function here. It is given a structure and the options, and
returns variables with a unit and a description; grids do not depend on the structure unless a
curve's own range does.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from carbonize.errors import InputError

if TYPE_CHECKING:
    import xarray as xr
    from ase import Atoms

__all__ = ["CURVES", "CurveOptions", "check_curves", "curve_file", "curves", "curves_of_frames"]

CURVES: dict[str, str] = {
    "bonding": "carbonize.analysis.bonding_curves:bonding_curves",
    "rings": "carbonize.analysis.rings.curves:ring_curves",
    "sheets": "carbonize.analysis.sheets.curves:sheet_curves",
    "scattering": "carbonize.analysis.scattering.curves:scattering_curves",
}
"""Part of an analysis to the function that makes its curves, as "module:name".

The function takes a structure and :class:`CurveOptions` and returns a mapping from names to
:class:`xarray.DataArray`; every variable and coordinate has the attributes ``units`` and ``long_name``.
"""


@dataclasses.dataclass(frozen=True)
class CurveOptions:
    """What the functions of :data:`CURVES` may look at.

    Attributes
    ----------
    bond_cutoff_A
        Atoms at most this far apart are bonded.
    """

    bond_cutoff_A: float = 1.85


def curves(atoms: Atoms, what: Iterable[str], options: CurveOptions | None = None) -> xr.Dataset:
    """All curves of the parts asked for; parts without curves are passed over.

    Parameters
    ----------
    atoms
        Any structure.
    what
        Parts, from :data:`carbonize.analysis.frame.PARTS`.
    options
        Defaults if None.

    Returns
    -------
    xarray.Dataset
        Variables with ``units`` and ``long_name``.

    Raises
    ------
    InputError
        If a part cannot be had of this structure.
    """
    import xarray as xr

    options = options or CurveOptions()
    found: dict[str, xr.DataArray] = {}
    for part in what:
        if part in CURVES:
            module, name = CURVES[part].split(":")
            found.update(getattr(importlib.import_module(module), name)(atoms, options))
    return xr.Dataset(found)


def check_curves(what: Iterable[str]) -> None:
    """Refuse parts of which none has curves.

    Raises
    ------
    InputError
        Naming those that have.
    """
    if not set(what) & set(CURVES):
        raise InputError(f"no curves to write: ask for at least one of {', '.join(CURVES)} (--what)")


def curves_of_frames(
    frames: Iterable[tuple[int, Atoms]],
    what: Iterable[str],
    options: CurveOptions | None = None,
    jobs: int = 1,
    source: str = "structure",
) -> Iterator[tuple[int, xr.Dataset]]:
    """Number and curves of numbered structures, in their order, by several processes if wanted.

    Raises
    ------
    InputError
        Naming the structure, if it cannot be used.
    """
    from carbonize.analysis.pool import ordered_map

    task = functools.partial(_one, source, tuple(what), options)
    return ordered_map(task, frames, jobs, name=functools.partial(_name, source))


def curve_file(numbered: Iterable[tuple[int, xr.Dataset]], attributes: Mapping[str, Any]) -> bytes:
    """The curves of all frames as the bytes of a netCDF file, along the dimension ``frame``.

    Where grids differ from frame to frame, the file holds their union and nan in between.
    """
    import io

    import xarray as xr

    numbers, sets = [], []
    for number, data in numbered:
        numbers.append(number)
        sets.append(data)
    frame = xr.Variable("frame", numbers, {"units": "1", "long_name": "number of the frame in its file"})
    whole = xr.concat(sets, dim="frame", join="outer", combine_attrs="override").assign_coords(frame=frame)
    whole.attrs = dict(attributes)
    memory = io.BytesIO()
    whole.to_netcdf(memory, engine="h5netcdf")
    return memory.getvalue()


def _one(
    source: str, what: tuple[str, ...], options: CurveOptions | None, numbered: tuple[int, Atoms]
) -> tuple[int, xr.Dataset]:
    index, atoms = numbered
    try:
        return index, curves(atoms, what, options)
    except InputError as error:
        raise InputError(f"{_name(source, numbered)}: {error}") from None


def _name(source: str, numbered: tuple[int, Atoms]) -> str:
    return f"{source}, frame {numbered[0]}"
