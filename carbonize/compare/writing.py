"""comparison.json and comparison.nc."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from carbonize.compare.comparison import Comparison
from carbonize.errors import CarbonizeError
from carbonize.io.files import make_folder, write_atomic

__all__ = ["write_comparison"]


def write_comparison(folder: Path, found: Comparison, curves: Any) -> None:
    """Write both files.

    Parameters
    ----------
    curves
        What :func:`carbonize.compare.curves.curves_dataset` makes.

    Raises
    ------
    InputError
        If the folder cannot be made.
    CarbonizeError
        If a file cannot be written.
    """
    make_folder(folder)
    target = folder / "comparison.nc"
    aside = folder / f".comparison.nc.{os.getpid()}.tmp"
    try:
        curves.to_netcdf(aside, engine="h5netcdf")
        aside.replace(target)
    except OSError as err:
        aside.unlink(missing_ok=True)
        raise CarbonizeError(f"{target}: cannot be written: {err.strerror or err}") from None
    # last: who finds it finds the curves that belong to it
    write_atomic(folder / "comparison.json", json.dumps(found.document(), indent=1, allow_nan=False) + "\n")
