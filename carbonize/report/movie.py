"""Frames as a movie: MP4 by the encoder that OVITO brings along, GIF by Pillow."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from carbonize.errors import CarbonizeError, DependencyError, InputError
from carbonize.report import canvas as canvas_module
from carbonize.report.canvas import Canvas
from carbonize.report.render import Picture
from carbonize.report.shots import Look, Shot, draw_shots, take_shot
from carbonize.report.style import BONDING_COLORS, CLASS_COLORS, OTHER_COLOR

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["MOVIE_SUFFIXES", "check_movie", "write_movie"]

MOVIE_SUFFIXES = (".mp4", ".gif")


def check_movie(path: Path, fps: int) -> None:
    """Say before any work that a movie could not be written.

    Raises
    ------
    InputError
        For another suffix than :data:`MOVIE_SUFFIXES`, or frames per second out of 1 to 60.
    DependencyError
        If MP4 is asked for and OVITO is not installed.
    """
    if path.suffix.lower() not in MOVIE_SUFFIXES:
        raise InputError(f"{path}: a movie's name ends in {' or '.join(MOVIE_SUFFIXES)}")
    if not 1 <= fps <= 60:
        raise InputError(f"frames per second must lie between 1 and 60, got {fps}")
    if path.suffix.lower() == ".mp4" and not canvas_module.has_ovito():
        raise DependencyError(
            f"{path}: MP4 is written by OVITO, which is not installed (pip install ovito); a .gif needs none"
        )


def write_movie(
    frames: Iterable[Atoms | Shot], path: str | Path, look: Look | None = None, fps: int = 10
) -> Picture:
    """Draw frames one after the other and write them as a movie.

    Parameters
    ----------
    frames
        Structures with ``time_ps`` and ``temperature_K`` in ``info`` where they are known,
        which become the clock; or shots that were taken of them. Taken one by one.
    path
        Ends in ``.mp4`` or ``.gif``.
    look
        How frames are drawn; an MP4 loses the last row or column of an odd size.
    fps
        Frames per second.

    Raises
    ------
    InputError, DependencyError
        See :func:`check_movie`; for a frame that cannot be drawn; or if there are no frames.
    CarbonizeError
        If OVITO fails to write the movie.
    """
    path, look = Path(path), look or Look()
    check_movie(path, fps)
    with tempfile.TemporaryDirectory(prefix="carbonize-movie-") as folder:

        def shots() -> Iterator[tuple[Shot, Path]]:
            for number, frame in enumerate(frames):
                shot = frame if isinstance(frame, Shot) else take_shot(frame, look)
                yield shot, Path(folder, f"{number:06d}.png")

        with Canvas() as canvas:
            pictures = list(draw_shots(canvas, shots(), look))
        if not pictures:
            raise InputError(f"{path}: there are no frames to make a movie of")
        if path.suffix.lower() == ".gif":
            _write_gif(pictures, path, fps)
        else:
            with Canvas() as encoder:
                failure = encoder.encode(pictures, path, fps)
            if failure:
                raise CarbonizeError(f"{path}: {failure}; a .gif needs no encoder")
        return Picture(path, canvas.renderer, canvas.note)


def _write_gif(pictures: list[Path], path: Path, fps: int) -> None:
    from matplotlib.colors import to_rgb
    from PIL import Image

    kept = [to_rgb(color) for color in (*CLASS_COLORS.values(), *BONDING_COLORS.values(), OTHER_COLOR)]
    meant = [round(255 * part) for color in kept for part in color]

    def indexed(picture: Path) -> Image.Image:
        with Image.open(picture) as image:
            full = image.convert("RGB")
        # the frequent colours, and those of the legend, which may be on few pixels
        frequent = full.quantize(256 - len(kept), dither=Image.Dither.NONE).getpalette() or []
        palette = Image.new("P", (1, 1))
        palette.putpalette(frequent[: 3 * (256 - len(kept))] + meant)
        return full.quantize(palette=palette, dither=Image.Dither.NONE)

    first, *rest = (indexed(picture) for picture in pictures)
    first.save(path, save_all=True, append_images=rest, duration=round(1000 / fps), loop=0)
