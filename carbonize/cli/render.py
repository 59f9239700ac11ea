"""``carbonize render``: pictures and movies of frames, and what other programs need to draw them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from carbonize.cli.analyze import _assignments, _frame_number
from carbonize.errors import InputError

if TYPE_CHECKING:
    from carbonize.config.models import AnalysisConfig

__all__ = ["render"]

_LARGEST_PIXELS = 8000


def render(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|RUN",
            help="Structure or trajectory (any format ASE reads, or GSD), or a run folder.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="A picture (.png) or a movie (.mp4, .gif)."),
    ] = None,
    pores: Annotated[
        bool, typer.Option("--pores", help="Draw the pores as surfaces, coloured by class, in grey carbon.")
    ] = False,
    classes: Annotated[
        str | None,
        typer.Option(
            "--classes",
            metavar="NAME,...",
            help="Only these pores: open, quasi-closed, closed, fully-closed. Means --pores.",
        ),
    ] = None,
    color: Annotated[
        str | None,
        typer.Option(
            "--color",
            metavar="WHAT",
            help="What the atoms' colours say: hybridisation (default), ring or element. Grey beside pores "
            "unless given.",
        ),
    ] = None,
    frame: Annotated[
        str | None,
        typer.Option(
            "--frame",
            metavar="N|all",
            help="One frame (-1 is the last), or all. Default: the last; for a movie all.",
        ),
    ] = None,
    replica: Annotated[int, typer.Option("--replica", min=0, help="Which replica of a run.")] = 0,
    size: Annotated[
        str, typer.Option("--size", metavar="WxH", help="Width and height in pixels, legend included.")
    ] = "1000x1000",
    dpi: Annotated[
        int,
        typer.Option(
            "--dpi",
            help="Pixels an inch at which a picture will be printed, 50 to 1200; letters fit that. 1000 pixels at "
            "300 are 85 mm.",
        ),
    ] = 300,
    slab: Annotated[
        float | None,
        typer.Option("--slab", metavar="A", help="Show a slice this thick (A) through the middle, face on."),
    ] = None,
    fps: Annotated[int, typer.Option("--fps", help="Frames per second of a movie, 1 to 60.")] = 10,
    legend: Annotated[
        bool, typer.Option("--legend/--no-legend", help="Legend, scale bar and clock below the picture.")
    ] = True,
    clock: Annotated[
        bool,
        typer.Option(
            "--clock/--no-clock", help="Of a run: its temperature curve, with the frame's place in it."
        ),
    ] = True,
    transparent: Annotated[
        bool, typer.Option("--transparent", help="Leave a picture's background empty instead of white.")
    ] = False,
    ambient_occlusion: Annotated[
        bool, typer.Option("--ambient-occlusion", help="Darken crevices; slower.")
    ] = False,
    surfaces: Annotated[
        Path | None,
        typer.Option(
            "--surfaces",
            metavar="DIR",
            help="Write the pores' surfaces, one VTK file a class (OVITO, ParaView).",
        ),
    ] = None,
    gsd: Annotated[
        Path | None,
        typer.Option(
            "--gsd",
            metavar="OUT.gsd",
            help="Write the frames with each atom's nearest-pore class (pore_class).",
        ),
    ] = None,
    ovito: Annotated[
        Path | None,
        typer.Option(
            "--ovito", metavar="FILE.ovito", help="Write the picture's scene for the OVITO desktop."
        ),
    ] = None,
    radius: Annotated[
        list[str] | None,
        typer.Option(
            "--radius", metavar="EL=A", help="Hard-sphere radius of an element in A. May be repeated."
        ),
    ] = None,
    bond_cutoff: Annotated[
        float | None, typer.Option("--bond-cutoff", metavar="A", help="Longest bond in A (default 1.85).")
    ] = None,
    persistence: Annotated[
        float | None,
        typer.Option(
            "--persistence",
            metavar="A",
            help="Smallest rise in A of a pore's clearance above its saddle (default 0.5).",
        ),
    ] = None,
) -> None:
    """Draw frames: atoms by hybridisation, ring or element; pores as surfaces by class.

    Of a run the settings of its protocol are used. A picture of all frames becomes one PNG a
    frame, with its number in the name. --surfaces, --gsd and --ovito are for the OVITO desktop.
    """
    from carbonize.io.files import check_target, make_folder
    from carbonize.report.coloring import check_coloring
    from carbonize.report.movie import MOVIE_SUFFIXES, check_movie
    from carbonize.report.scene import View
    from carbonize.report.shots import Look, check_classes

    chosen = check_classes(classes if classes is not None else _all_classes())
    if color is not None:
        check_coloring(color)
    if not 50 <= dpi <= 1200:
        raise InputError(f"--dpi {dpi}: must lie between 50 and 1200")
    if out is None and surfaces is None and gsd is None:
        raise InputError("nothing to write: give --out PICTURE.png, --surfaces DIR or --gsd OUT.gsd")
    movie = out is not None and out.suffix.lower() in MOVIE_SUFFIXES
    if out is not None and not movie and out.suffix.lower() != ".png":
        raise InputError(f"--out {out}: unknown kind of picture; the name must end in .png, .mp4 or .gif")
    if ovito is not None and (out is None or movie or frame == "all"):
        raise InputError("--ovito keeps the scene of one picture: give --out PICTURE.png and one --frame")
    if gsd is not None and gsd.suffix.lower() != ".gsd":
        raise InputError(f"--gsd {gsd}: the name must end in .gsd")
    if fps != 10 and not movie:
        raise InputError(f"--fps {fps}: belongs to a movie; --out must end in .mp4 or .gif")
    if transparent and movie:
        raise InputError("--transparent: a movie has no empty background; leave it out, or draw a .png")
    which = _frame_number(frame) if frame is not None else ("all" if movie else -1)
    if slab is not None and not 0 < slab < 1e6:
        raise InputError(f"--slab {slab:g}: give a thickness in A")
    file, settings, history = _open(source, replica, radius, bond_cutoff, persistence)
    for target in (out, gsd, ovito):
        if target is not None:
            check_target(target, file)
    if movie and out is not None:
        check_movie(out, fps)
    if surfaces is not None:
        make_folder(surfaces)
    look = Look(
        pores=pores or classes is not None,
        classes=chosen,
        color=color,
        size=_size(size),
        view=View(slab_A=slab),
        legend=legend,
        dpi=None if movie else dpi,
        history=history if clock and legend else None,
        transparent=transparent and not movie,
        ambient_occlusion=ambient_occlusion,
        analysis=settings,
    )
    _work(file, which, look, out, fps if movie else None, surfaces, gsd, ovito)


def _work(
    file: Path,
    which: int | Literal["all"],
    look: Any,
    out: Path | None,
    fps: int | None,
    surfaces: Path | None,
    gsd: Path | None,
    ovito: Path | None,
) -> None:
    from carbonize.io.frames import read_frames
    from carbonize.report.canvas import Canvas
    from carbonize.report.desktop import Desktop
    from carbonize.report.movie import write_movie
    from carbonize.report.shots import draw_shots, find_void, in_box, take_shot

    needs_void = look.pores or surfaces is not None or gsd is not None
    desktop = Desktop(look, surfaces, gsd, centred=gsd is not None or file.suffix.lower() == ".gsd")

    def shots() -> Iterator[tuple[Any, Path]]:
        for index, atoms in read_frames(file, which):
            try:
                in_box(atoms)  # refuses what cannot be drawn before it is analysed
                found = find_void(atoms, look.analysis) if needs_void else None
                shot = take_shot(atoms, look, found) if out is not None else None
                if found is not None:
                    desktop.add(atoms, found, index, shot, several=which == "all")
            except InputError as error:
                raise InputError(f"{file}, frame {index}: {error}") from None
            if shot is not None and out is not None:
                numbered = out.with_stem(f"{out.stem}-{index:04d}")
                yield shot, numbered if which == "all" and fps is None else out

    note = ""
    try:
        if out is None:
            for _ in shots():
                pass
        elif fps is not None:
            picture = write_movie((shot for shot, _ in shots()), out, look, fps)
            note = picture.note
            typer.echo(f"{out}")
        else:
            with Canvas() as canvas:
                paths = draw_shots(canvas, shots(), look, ovito)
                note = canvas.note
            typer.echo(
                f"{paths[0]}" if len(paths) == 1 else f"{paths[0]} to {paths[-1]}: {len(paths)} pictures"
            )
    finally:
        desktop.close()
    for line in desktop.said():
        typer.echo(line)
    if ovito is not None:
        typer.echo(f"{ovito}" if ovito.is_file() else f"{ovito}: not written, since OVITO did not draw")
    if note:
        typer.echo(f"note: {note}", err=True)


def _open(
    source: Path,
    replica: int,
    radius: list[str] | None,
    bond_cutoff: float | None,
    persistence: float | None,
) -> tuple[Path, AnalysisConfig, Any]:
    """The file with the frames; the settings: a run's own, with what the options say; its temperatures."""
    from carbonize.analysis.radii import element_radii
    from carbonize.config.models import AnalysisConfig
    from carbonize.io.rundir import RunPaths, load_run
    from carbonize.report.drawing import run_history

    settings, file, history = AnalysisConfig(), source, None
    if replica and not source.is_dir():
        raise InputError(f"--replica {replica}: goes with a run folder; a file is one replica")
    if source.is_dir():
        run = load_run(source)
        settings, history = run.protocol.analysis, run_history(run, replica)
        file = RunPaths(source).trajectory(replica)
        if not file.is_file():
            raise InputError(f"{source}: has no trajectory of replica {replica}")
    changes: dict[str, Any] = {"radii_A": {**settings.radii_A, **_assignments("--radius", radius)}}
    element_radii((), changes["radii_A"])  # refuses what is no element or no radius
    for name, value, least in (("bond_cutoff_A", bond_cutoff, 1e-9), ("persistence_A", persistence, 0.0)):
        if value is None:
            continue
        option = "--" + name.removesuffix("_A").replace("_", "-")
        if not least <= value <= 20:
            raise InputError(f"{option} {value:g}: must lie between 0 and 20 A")
        changes[name] = value
    return file, settings.model_copy(update=changes), history


def _all_classes() -> tuple[str, ...]:
    from carbonize.analysis.pores.classify import CLASS_NAMES

    return CLASS_NAMES


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d{1,6})\s*[xX]\s*(\d{1,6})\s*", text)
    if match is None:
        raise InputError(f"--size {text}: write WIDTHxHEIGHT in pixels, for example 1200x1000")
    width, height = int(match[1]), int(match[2])
    if not (100 <= width <= _LARGEST_PIXELS and 100 <= height <= _LARGEST_PIXELS):
        raise InputError(f"--size {text}: both must lie between 100 and {_LARGEST_PIXELS} pixels")
    return width, height
