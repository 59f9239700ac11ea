"""``carbonize build``: start structures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from carbonize.cli.build_options import Out, Potential, Seed, Tolerance
from carbonize.cli.build_precursors import build_fragments, build_templated

__all__ = ["app", "check_out", "potential_config", "save_structure", "status_line"]

app = typer.Typer(
    help=(
        "Make start structures, relaxed so that dynamics can start: random packings, melt-quenched carbons, "
        "cross-linked graphene fragments, carbons with pores of chosen size."
    ),
    no_args_is_help=True,
)

_Atoms = Annotated[int, typer.Option("--atoms", "-n", metavar="N", help="Number of carbon atoms.")]
_Density = Annotated[float, typer.Option("--density", metavar="G_CM3", help="Mass density in g/cm3.")]


@app.command("random")
def build_random(
    atoms: _Atoms,
    density: _Density,
    out: Out,
    seed: Seed = 1,
    potential: Potential = "edip",
    min_distance: Annotated[
        float | None,
        typer.Option(
            "--min-distance", metavar="A", help="Smallest distance in the packing. Default: 1.45 A or less."
        ),
    ] = None,
    force_tolerance: Tolerance = 1.0,
) -> None:
    """Pack atoms at random with a minimum distance, then relax them (FIRE) at constant volume.

    Example: carbonize build random --atoms 1000 --density 1.0 --seed 1 -o precursor.extxyz
    """
    from carbonize.building import check_size, random_structure

    check_size(atoms, density)
    _check_positive("--force-tolerance", force_tolerance)
    if min_distance is not None:
        _check_positive("--min-distance", min_distance)
    check_out(out)
    law = _potential(potential)
    with status_line("packing and relaxing") as say:
        structure, minimum = random_structure(
            law,
            atoms,
            density,
            seed,
            min_distance,
            force_tolerance,
            watch=lambda n, e, f: say(
                f"relaxing: {n} steps, {e / atoms:.3f} eV/atom, largest force {f:.2f} eV/A"
            ),
        )
    structure.info["origin"] = (
        f"carbonize build random --atoms {atoms} --density {density:g} --seed {seed} --force-tolerance {force_tolerance:g}"
        + (f" --potential {potential}" if potential != "edip" else "")
    )
    _save(structure, minimum, out)


@app.command("melt-quench")
def build_melt_quench(
    atoms: _Atoms,
    density: _Density,
    out: Out,
    seed: Seed = 1,
    potential: Potential = "edip",
    melt: Annotated[float, typer.Option("--melt", metavar="K", help="Temperature of the melt.")] = 6000.0,
    melt_ps: Annotated[
        float, typer.Option("--melt-ps", metavar="PS", help="How long it is kept liquid.")
    ] = 1.0,
    quench_ps: Annotated[
        float, typer.Option("--quench-ps", metavar="PS", help="Duration of the quench.")
    ] = 1.0,
    to: Annotated[
        float, typer.Option("--to", metavar="K", help="Temperature at the end of the quench.")
    ] = 300.0,
    timestep: Annotated[float, typer.Option("--timestep", metavar="FS", help="Time step.")] = 0.25,
    wall_density: Annotated[
        float | None,
        typer.Option(
            "--wall-density",
            metavar="G_CM3",
            help="Melt and quench at this density, then cut pores out until --density is met.",
        ),
    ] = None,
    pore_diameter: Annotated[
        float,
        typer.Option("--pore-diameter", metavar="A", help="Diameter of those pores, between atom centres."),
    ] = 10.0,
    force_tolerance: Tolerance = 0.1,
) -> None:
    """Melt a random packing, quench it at constant volume, and relax it.

    With --wall-density the melt is denser and pores are cut out of the quenched solid: walls
    with sp3 cross-links and broken bonds around open pores, a precursor that has everything still
    to do.

    Example: carbonize build melt-quench --atoms 1000 --density 1.0 --wall-density 2.6 -o precursor.extxyz
    """
    from carbonize.building import MeltQuench, Pores, check_size, melt_quench

    check_size(atoms, density)
    for name, value in (
        ("--melt", melt),
        ("--melt-ps", melt_ps),
        ("--quench-ps", quench_ps),
        ("--to", to),
        ("--timestep", timestep),
        ("--force-tolerance", force_tolerance),
        ("--pore-diameter", pore_diameter),
    ):
        _check_positive(name, value)
    check_out(out)
    settings = MeltQuench(melt, melt_ps, quench_ps, to, timestep)
    pores = None
    if wall_density is not None:
        _check_positive("--wall-density", wall_density)
        pores = Pores(wall_density, pore_diameter)
    law = _potential(potential)
    with status_line("packing") as say:
        structure, minimum = melt_quench(
            law,
            atoms,
            density,
            seed,
            settings,
            pores,
            force_tolerance,
            watch=lambda what, done: say(f"melt and quench: {100 * done:.0f} % ({what})"),
        )
    structure.info["origin"] = (
        f"carbonize build melt-quench --atoms {atoms} --density {density:g} --seed {seed} --melt {melt:g} "
        f"--melt-ps {melt_ps:g} --quench-ps {quench_ps:g} --to {to:g} --timestep {timestep:g}"
        + (f" --wall-density {wall_density:g} --pore-diameter {pore_diameter:g}" if pores else "")
        + (f" --force-tolerance {force_tolerance:g}")
        + (f" --potential {potential}" if potential != "edip" else "")
    )
    _save(structure, minimum, out)


app.command("fragments")(build_fragments)
app.command("templated")(build_templated)


def _potential(name: str) -> Any:
    from carbonize.cli.xla import use_compilation_cache
    from carbonize.potentials import make_potential

    use_compilation_cache()
    return make_potential(potential_config(name))


def potential_config(name: str) -> Any:
    """``--potential`` as a section of a protocol."""
    import difflib

    from carbonize.config.models import EdipConfig, NepConfig, TersoffConfig
    from carbonize.errors import InputError
    from carbonize.potentials.tersoff_parameters import NAMED_SETS

    if name == "edip":
        return EdipConfig(kind="edip")
    if name in NAMED_SETS:
        return TersoffConfig.model_validate({"kind": "tersoff", "parameters": name})
    if name.startswith("nep:") and len(name) > 4:
        return NepConfig(kind="nep", file=name.removeprefix("nep:"))
    known = ["edip", *NAMED_SETS, "nep:FILE"]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise InputError(f"--potential {name}: unknown{hint} (known: {', '.join(known)})")


def _check_positive(name: str, value: float) -> None:
    import math

    from carbonize.errors import InputError

    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{name} {value:g}: expected a number above 0")


def check_out(out: Path) -> None:
    """Say before the work, not after it, that the result could not be saved."""
    from carbonize.errors import InputError
    from carbonize.io.files import check_target

    check_target(out)
    if _format(out) is None:
        raise InputError(f"{out}: unknown structure format; use a known ending such as .extxyz")


def _format(out: Path) -> str | None:
    """ASE's format for a file name; None where ASE has none that it can write."""
    from ase.io.formats import UnknownFileTypeError, filetype, ioformats

    try:
        name = filetype(str(out), read=False)
    except UnknownFileTypeError:
        return None
    return name if name in ioformats and ioformats[name].can_write else None


def save_structure(structure: Any, out: Path) -> None:
    """Write a structure in the format of its ending."""
    from carbonize.errors import InputError
    from carbonize.io.export import encoded
    from carbonize.io.files import write_atomic

    try:
        raw = encoded([structure], _format(out) or "extxyz")
    except Exception as err:
        raise InputError(f"{out}: ASE cannot write this format: {err}; use .extxyz") from None
    write_atomic(out, raw)


def _save(structure: Any, minimum: Any, out: Path) -> None:
    from carbonize.analysis.frame import analyze

    save_structure(structure, out)
    frame = analyze(structure, what=["bonding"])
    bonding = frame["bonding"]
    typer.echo(
        f"{out}: {len(structure)} atoms, {frame['density_g_cm3']:.3f} g/cm3, "
        f"{minimum.potential_eV / len(structure):.3f} eV/atom, largest force {minimum.max_force_eV_A:.2g} eV/A"
    )
    typer.echo(
        f"  bonding (within {bonding['cutoff_A']:g} A): sp {100 * bonding['sp']:.1f} %, sp2 {100 * bonding['sp2']:.1f} %, "
        f"sp3 {100 * bonding['sp3']:.1f} %"
    )
    if not minimum.converged:
        typer.echo(
            f"  note: the relaxation stopped after {minimum.steps} steps, before its tolerance", err=True
        )


@contextmanager
def status_line(message: str) -> Iterator[Any]:
    """A spinner on a terminal, silence elsewhere; yields a function that changes the text."""
    import sys

    from rich.console import Console

    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    console = Console(stderr=True)
    with console.status(message) as status:
        yield status.update
