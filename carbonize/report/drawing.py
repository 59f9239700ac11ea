"""Pictures and movies for notebooks and scripts: ``carbonize.render``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carbonize.analysis.pores.classify import CLASS_NAMES
from carbonize.config.models import AnalysisConfig
from carbonize.errors import InputError
from carbonize.report.canvas import Canvas
from carbonize.report.coloring import check_coloring
from carbonize.report.movie import MOVIE_SUFFIXES, write_movie
from carbonize.report.scene import View
from carbonize.report.shots import Look, check_classes, draw_shots, take_shot

if TYPE_CHECKING:
    from ase import Atoms
    from PIL.Image import Image

    from carbonize.io.rundir import Run

__all__ = ["render", "run_history"]

_MOST_SAMPLES = 800

LARGEST_PIXELS = 8000
"""Width and height of the largest picture."""


def render(
    source: Atoms | Run | str | Path | Sequence[Atoms],
    out: str | Path | None = None,
    *,
    pores: bool = False,
    classes: str | Iterable[str] | None = None,
    color: str | None = None,
    frame: int | None = None,
    replica: int = 0,
    size: tuple[int, int] = (1000, 1000),
    dpi: int = 300,
    slab_A: float | None = None,
    centre: tuple[float, float, float] = (0.5, 0.5, 0.5),
    legend: bool = True,
    clock: bool = True,
    transparent: bool = False,
    ambient_occlusion: bool = False,
    fps: int = 10,
    analysis: AnalysisConfig | None = None,
) -> Image | Path:
    """Draw a structure, a frame of a run, or a movie, as ``carbonize render`` does.

    Parameters
    ----------
    source
        Atoms in a cell with a volume; a list of them; a run (:func:`carbonize.load_run`); or the path
        of a run folder, a structure or a trajectory.
    out
        A file that ends in ``.png``, ``.mp4`` or ``.gif``. None: the picture is given back, which a
        notebook then shows.
    pores
        Draw the surfaces of pores by class, in grey carbon.
    classes
        Only these pores, as "closed,fully-closed" or a sequence. Means ``pores``.
    color
        What the colours of atoms say: ``hybridisation``, ``ring`` or ``element``.
    frame
        Which frame of several. Default: the last; of a movie all.
    replica
        Which replica of a run.
    size
        Width and height in pixels, legend included.
    dpi
        Pixels an inch at which a picture will be printed: 1000 pixels at 300 are 85 mm, a column
        of a journal, and letters then have 6 points.
    slab_A
        Show only a slice this thick (A), face on.
    centre
        Fractional coordinates that come to lie in the middle.
    legend, clock
        Legend, scale bar, time and temperature below; the run's temperature curve beside them.
    transparent
        Leave the background empty instead of white.
    ambient_occlusion
        Darken crevices; slower.
    fps
        Frames per second of a movie.
    analysis
        Radii, probes, limits and longest bond. Default: those of the run, or of ``carbonize analyze``.

    Returns
    -------
    PIL.Image.Image or Path
        The picture, or the file that was written.

    Raises
    ------
    InputError
        If something is unknown, missing, or cannot be drawn.

    Examples
    --------
    >>> from ase.build import bulk
    >>> image = render(bulk("C", cubic=True) * (3, 3, 3), size=(300, 300))  # doctest: +SKIP
    """
    from PIL import Image

    path = None if out is None else Path(out)
    movie = path is not None and path.suffix.lower() in MOVIE_SUFFIXES
    if path is not None and not movie and path.suffix.lower() != ".png":
        raise InputError(f"{path}: the name of a picture ends in .png, of a movie in .mp4 or .gif")
    _check_picture(size, dpi, slab_A)
    frames, settings, history = _open(source, replica, frame, movie)
    look = Look(
        pores=pores or classes is not None,
        classes=check_classes(CLASS_NAMES if classes is None else classes),
        color=None if color is None else check_coloring(color),
        size=size,
        view=View(centre, slab_A),
        legend=legend,
        dpi=None if movie else dpi,
        history=history if clock else None,
        transparent=transparent and not movie,
        ambient_occlusion=ambient_occlusion,
        analysis=analysis or settings,
    )
    if movie and path is not None:
        return write_movie(frames, path, look, fps).path
    with tempfile.TemporaryDirectory(prefix="carbonize-picture-") as folder, Canvas() as canvas:
        target = path or Path(folder, "picture.png")
        draw_shots(canvas, ((take_shot(atoms, look), target) for atoms in frames), look)
        if path is not None:
            return path
        with Image.open(target) as image:
            image.load()
            return image


def _check_picture(size: tuple[int, int], dpi: float, slab_A: float | None) -> None:
    """Refuse what no picture can have; the limits are those of the command."""
    if not (len(size) == 2 and all(100 <= pixels <= LARGEST_PIXELS for pixels in size)):
        raise InputError(f"size {size}: width and height must lie between 100 and {LARGEST_PIXELS} pixels")
    if not 50 <= dpi <= 1200:
        raise InputError(f"dpi {dpi}: must lie between 50 and 1200")
    if slab_A is not None and not 0 < slab_A < 1e6:
        raise InputError(f"slab_A {slab_A}: give a thickness in A")


def run_history(run: Run, replica: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Times (ps) and temperatures (K) of a replica, thinned out; None where none were written."""
    from carbonize.io.files import read_json_lines

    if not run.paths.series.is_file():
        return None
    rows = [row for row in read_json_lines(run.paths.series) if row["replica"] == replica]
    if len(rows) < 2:
        return None
    rows = rows[:: -(-len(rows) // _MOST_SAMPLES)]
    return np.array([row["time_ps"] for row in rows]), np.array([row["temperature_K"] for row in rows])


def _open(
    source: Any, replica: int, frame: int | None, movie: bool
) -> tuple[Iterator[Atoms], AnalysisConfig, tuple[np.ndarray, np.ndarray] | None]:
    """Frames, settings, and the temperature's course."""
    from ase import Atoms

    from carbonize.io.frames import read_frames
    from carbonize.io.rundir import Run, RunPaths, load_run

    if isinstance(source, Atoms):
        return iter([source]), AnalysisConfig(), None
    settings, history = AnalysisConfig(), None
    if isinstance(source, str | Path) and Path(source).is_dir():
        source = load_run(source)
    if isinstance(source, Run):
        settings, history = source.protocol.analysis, run_history(source, replica)
        file = RunPaths(source.path).trajectory(replica)
        if not file.is_file():
            raise InputError(f"{source.path}: has no trajectory of replica {replica}")
        source = file
    which = frame if frame is not None else (None if movie else -1)
    if isinstance(source, str | Path):
        frames = read_frames(source, "all" if which is None else which)
        return (atoms for _, atoms in frames), settings, history
    try:
        several = list(source)
    except TypeError:
        several = [source]
    if not all(isinstance(one, Atoms) for one in several):
        raise InputError(
            f"a picture is of ase.Atoms, a list of them, a run or a path, got a {type(source).__name__}"
        )
    if not several:
        raise InputError("there are no frames to draw")
    if which is None:
        return iter(several), settings, history
    if not -len(several) <= which < len(several):
        raise InputError(f"there is no frame {which} among {len(several)}")
    return iter([several[which]]), settings, history
