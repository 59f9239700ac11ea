"""From the potential section of a protocol file to a potential."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from carbonize.potentials.base import Potential
from carbonize.potentials.dispersion import Dispersed
from carbonize.potentials.edip import Edip
from carbonize.potentials.nep import Nep
from carbonize.potentials.nep_file import read_nep
from carbonize.potentials.tersoff import Tersoff
from carbonize.potentials.tersoff_parameters import NAMED_SETS, read_lammps_table

if TYPE_CHECKING:
    from carbonize.config.models import EdipConfig, NepConfig, TersoffConfig

__all__ = ["make_potential"]


def make_potential(config: EdipConfig | TersoffConfig | NepConfig, folder: str | Path = ".") -> Potential:
    """The potential that ``config`` describes.

    Parameters
    ----------
    config
        ``potential`` of a :class:`~carbonize.config.models.RunConfig`.
    folder
        Folder to which a relative ``file`` refers, that of the protocol file.

    Notes
    -----
    A file may hold more elements than a structure: see :meth:`Potential.for_elements`.

    Examples
    --------
    >>> from carbonize.config.models import TersoffConfig
    >>> make_potential(TersoffConfig(kind="tersoff", parameters="tersoff-1989")).cutoff_A
    2.1
    """
    base = _base(config, Path(folder))
    if config.kind == "nep" or config.dispersion is None:
        return base
    return Dispersed(base, end_A=config.dispersion.cutoff_A)


def _base(config: EdipConfig | TersoffConfig | NepConfig, folder: Path) -> Potential:
    if config.kind == "edip":
        return Edip()
    if config.kind == "nep":
        return Nep(read_nep(folder / config.file))
    if config.parameters is not None:
        return Tersoff(tuple(NAMED_SETS[config.parameters].items()), config.parameters)
    assert config.file is not None  # the model asks for one of the two
    path = folder / config.file
    entries, faults = read_lammps_table(path)
    return Tersoff(tuple(entries.items()), str(path), tuple(faults.items()))
