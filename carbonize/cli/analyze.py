"""``carbonize analyze``: bonding and pores of a structure or trajectory file."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from carbonize.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["analyze"]


def analyze(
    file: Annotated[Path, typer.Argument(help="Structure or trajectory: any format ASE reads, or GSD.")],
    frame: Annotated[
        str, typer.Option("--frame", metavar="N|all", help="One frame (-1 is the last), or all.")
    ] = "all",
    what: Annotated[
        str,
        typer.Option(
            "--what",
            help="Parts to compute, joined by commas: bonding, rings, sheets, pores, occupiable, psd, scattering, "
            "capacity.",
        ),
    ] = "bonding,pores",
    json_out: Annotated[
        str | None,
        typer.Option("--json", metavar="OUT|-", help="Write JSON to a file; '-' prints only the JSON."),
    ] = None,
    radius: Annotated[
        list[str] | None,
        typer.Option(
            "--radius",
            metavar="EL=A",
            help="Hard-sphere radius of an element in A, for example C=1.7. May be repeated.",
        ),
    ] = None,
    probe: Annotated[
        list[str] | None,
        typer.Option(
            "--probe",
            metavar="NAME=A",
            help="Probe diameter in A, added to He=2.6, CO2=3.3, N2=3.64, EC=5.7 or replacing the one "
            "of that name. May be repeated.",
        ),
    ] = None,
    bond_cutoff: Annotated[
        float, typer.Option("--bond-cutoff", metavar="A", help="Longest bond in A.")
    ] = 1.85,
    persistence: Annotated[
        float,
        typer.Option(
            "--persistence", metavar="A", help="Smallest rise in A of a pore's clearance above its saddle."
        ),
    ] = 0.5,
    graph: Annotated[
        Path | None,
        typer.Option(
            "--graph",
            metavar="OUT.graphml",
            help="Write the pore network as GraphML; of several frames, each to a file with its number.",
        ),
    ] = None,
    graph_level: Annotated[
        str,
        typer.Option(
            "--graph-level",
            metavar="pores|nodes",
            help="Pores joined by their necks, or every node of the Voronoi network.",
        ),
    ] = "pores",
    curves: Annotated[
        Path | None,
        typer.Option(
            "--curves",
            metavar="OUT.nc",
            help="Write the distributions and curves behind the numbers of --what as netCDF.",
        ),
    ] = None,
    radius_uncertainty: Annotated[
        float,
        typer.Option(
            "--radius-uncertainty",
            metavar="A",
            help="Class pores again with radii smaller and larger by so much; says how far volumes move.",
        ),
    ] = 0.0,
    steady: Annotated[
        int | None,
        typer.Option(
            "--steady",
            metavar="N",
            help="Of a trajectory: also count each atom as what it is in most of N frames (odd) about each frame.",
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="N", help="Processes for many frames; 0: one a core.")
    ] = 1,
) -> None:
    """Bonding and the pore network of a structure or trajectory.

    Prints density, coordination, hybridization, the largest included and free spheres, the
    void that each probe can reach, and every pore class. With --json, every pore.

    With --what rings, shortest-path rings and curvature; with --what sheets, sheets and stacks of
    layers (docs/measurements.md).

    With --what occupiable, also the volumes that each probe fills, the helium density and the
    closed-pore volume; with --what psd, the pore-size distribution. Both take seconds a frame.

    With --what scattering, what X-rays would say: d002, Lc and La of the powder pattern, Rg and the
    Teubner-Strey lengths at small angles; with --what capacity, the sodium that closed pores could hold.
    """
    from carbonize.analysis.curves import CurveOptions, check_curves, curve_file, curves_of_frames
    from carbonize.analysis.frame import check_parts, check_probes, results_document
    from carbonize.analysis.many import analyze_many
    from carbonize.analysis.pool import worker_count
    from carbonize.analysis.pores.graph import as_graphml, structure_graph
    from carbonize.analysis.steady import add_steady, check_window
    from carbonize.cli.graphs import GraphFiles
    from carbonize.config.models import AnalysisConfig
    from carbonize.io.files import check_target, write_atomic
    from carbonize.io.frames import read_frames

    parts = check_parts(what)
    radii = _assignments("--radius", radius)
    probes = check_probes({**AnalysisConfig().probes_A, **_assignments("--probe", probe)})
    which = _frame_number(frame)
    if graph_level not in ("pores", "nodes"):
        raise InputError(f"--graph-level {graph_level}: choose pores or nodes")
    if curves is not None:
        check_curves(parts)
    if steady is not None and (check_window(steady) and "bonding" not in parts):
        raise InputError("--steady counts bonding: add bonding to --what")
    jobs = min(worker_count(jobs), 1 if which != "all" else sys.maxsize)
    options = {
        "what": parts,
        "radii": radii,
        "probes": probes,
        "bond_cutoff_A": bond_cutoff,
        "persistence_A": persistence,
        "radius_uncertainty_A": radius_uncertainty,
    }
    with contextlib.ExitStack() as stack:
        # opened before anything is computed: an unwritable path should not cost the computation
        output = stack.enter_context(_atomic_text(json_out, file)) if json_out not in (None, "-") else None
        graphs = GraphFiles(graph, file) if graph is not None else None
        if curves is not None:
            check_target(curves, file)
        frames = read_frames(file, which)
        results = list(_with_progress(analyze_many(frames, jobs, str(file), **options)))
        if steady is not None:
            add_steady(results, read_frames(file), steady, bond_cutoff)
        if graphs is not None:
            for index, atoms in read_frames(file, which):
                network = structure_graph(atoms, radii, probes, persistence, graph_level)
                graphs.add(index, as_graphml(network))
            graphs.close()
        if curves is not None:
            numbered = curves_of_frames(
                read_frames(file, which), parts, CurveOptions(bond_cutoff), jobs, str(file)
            )
            write_atomic(curves, curve_file(numbered, {"source": str(file)}))
        text = json.dumps(results_document(str(file), results), indent=1, allow_nan=False)
        if output is not None:
            output.write(text + "\n")
    if json_out == "-":
        sys.stdout.write(text + "\n")
        return
    from carbonize.cli.analyze_tables import print_results

    print_results(str(file), results)
    if json_out is not None:
        typer.echo(f"wrote {json_out}")
    if curves is not None:
        typer.echo(f"wrote {curves}")
    if graphs is not None:
        several = len(graphs.written) > 1
        typer.echo(f"wrote {graphs.written[0]}" + (f" to {graphs.written[-1].name}" if several else ""))


def _frame_number(text: str) -> int | Literal["all"]:
    """``--frame`` as a number or "all"."""
    if text.strip().lower() == "all":
        return "all"
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--frame {text}: give a whole number (-1 is the last frame) or all") from None


def _assignments(option: str, texts: list[str] | None) -> dict[str, float]:
    """NAME=NUMBER options as a dictionary."""
    found = {}
    for text in texts or []:
        match = re.fullmatch(r"\s*([^=\s]+)\s*=\s*(\S+)\s*", text)
        try:
            if match is None:
                raise ValueError
            found[match[1]] = float(match[2])
        except ValueError:
            example = "C=1.7" if option == "--radius" else "He=2.6"
            raise InputError(f"{option} {text}: write NAME=NUMBER (in A), for example {example}") from None
    return found


@contextlib.contextmanager
def _atomic_text(path: str, source: Path | None = None) -> Iterator[Any]:
    """A text file that appears under its name only when it is complete; never in place of the ``source``."""
    target = Path(os.path.realpath(path))  # a link stays, what it points to is replaced
    if source is not None and target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"--json {path}: is the file that is read; give another name")
    if target.is_dir():
        raise InputError(f"{target} is a folder; give --json a file name")
    if target.exists() and not target.is_file():  # a device or a pipe must not be replaced
        with open(target, "w", encoding="utf-8") as file:
            yield file
        return
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    except OSError as error:
        raise InputError(
            f"cannot write {target}: {error.strerror or error}; choose a folder that exists and is writable"
        ) from None
    temporary = Path(name)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes private files
        temporary.replace(target)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _with_progress(results: Iterator[Any]) -> Iterator[Any]:
    """Results with a spinner and a count on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield from results
        return
    columns = (
        SpinnerColumn(),
        TextColumn("analysing, {task.completed:.0f} frames done"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("analyse", total=None)
        for item in results:
            yield item
            progress.advance(task)
