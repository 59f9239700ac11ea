"""Analysis of many structures, one after the other or several at a time."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from carbonize.analysis.pool import ordered_map
from carbonize.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["analyze_many"]


def analyze_many(
    frames: Iterable[tuple[int, Atoms]], jobs: int = 1, source: str = "structure", **options: Any
) -> Iterator[dict[str, Any]]:
    """Results of :func:`carbonize.analysis.frame.analyze` for numbered structures, in their order.

    Structures are taken one by one, at most twice as many as ``jobs`` ahead, and may differ in
    their atoms and cells. The results do not depend on ``jobs``.

    Parameters
    ----------
    frames
        Number and structure, as :func:`carbonize.io.frames.read_frames` yields them.
    jobs
        Processes; 0: one a core.
    source
        Where the structures come from, for messages.
    **options
        Arguments of :func:`carbonize.analysis.frame.analyze`.

    Raises
    ------
    InputError
        Naming the structure, if it or an option cannot be used.
    CarbonizeError
        Naming the structure, if its process died.

    >>> from ase.build import bulk
    >>> cells = enumerate(bulk("C", "sc", a=a, cubic=True) for a in (7.0, 8.0))
    >>> [(r["index"], round(r["cell_volume_A3"])) for r in analyze_many(cells, what="bonding")]
    [(0, 343), (1, 512)]
    """
    task = functools.partial(_analyze_one, source, options)
    return ordered_map(task, frames, jobs, name=functools.partial(_name, source))


def _analyze_one(source: str, options: Mapping[str, Any], numbered: tuple[int, Atoms]) -> dict[str, Any]:
    from carbonize.analysis.frame import analyze

    index, atoms = numbered
    try:
        return {**analyze(atoms, **options), "index": index}
    except InputError as error:
        raise InputError(f"{_name(source, numbered)}: {str(error).removeprefix('the structure: ')}") from None


def _name(source: str, numbered: tuple[int, Atoms]) -> str:
    return f"{source}, frame {numbered[0]}"
