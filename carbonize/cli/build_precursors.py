"""``carbonize build fragments`` and ``templated``: start structures that a spec describes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from carbonize.cli.build_options import Out, Potential, Seed, Tolerance

__all__ = ["build_fragments", "build_templated"]

_Json = Annotated[bool, typer.Option("--json", help="Print what was measured as JSON and nothing else.")]
_Picture = Annotated[
    Path | None,
    typer.Option("--picture", metavar="FILE.png", help="Draw it, atoms coloured by hybridisation."),
]
_FragmentAtoms = Annotated[
    int | None, typer.Option("--fragment-atoms", metavar="N", help="Mean atoms of a fragment. Default 40.")
]
_FragmentDiameter = Annotated[
    float | None,
    typer.Option("--fragment-diameter", metavar="A", help="The same as the diameter of a flat disk of them."),
]
_Spread = Annotated[
    float,
    typer.Option("--fragment-spread", metavar="X", help="Standard deviation of that number over its mean."),
]
_Curvature = Annotated[
    str,
    typer.Option("--curvature", help="sphere (by pentagons), cylinder (bent, hexagons only), or flat."),
]
_Radius = Annotated[
    float | None,
    typer.Option("--curvature-radius", metavar="A", help="Radius of curvature. Default 12."),
]
_CrossLinking = Annotated[
    float,
    typer.Option(
        "--cross-linking",
        metavar="X",
        help="Fraction of atoms that are sp3 bridges between fragments, 0 to 0.3.",
    ),
]

# what the fields of a spec are called on the command line
_OPTIONS = {
    "atoms": "--atoms",
    "density_g_cm3": "--density",
    "fragment_atoms": "--fragment-atoms",
    "fragment_diameter_A": "--fragment-diameter",
    "fragment_spread": "--fragment-spread",
    "curvature": "--curvature",
    "curvature_radius_A": "--curvature-radius",
    "cross_linking": "--cross-linking",
    "force_tolerance_eV_A": "--force-tolerance",
    "template": "--template",
    "template_size_A": "--size",
    "number": "--number",
    "porosity": "--porosity",
    "melt_ps": "--melt-ps",
    "quench_ps": "--quench-ps",
    "seed": "--seed",
}


def build_fragments(
    atoms: Annotated[int, typer.Option("--atoms", "-n", metavar="N", help="Number of carbon atoms.")],
    density: Annotated[float, typer.Option("--density", metavar="G_CM3", help="Mass density in g/cm3.")],
    out: Out,
    seed: Seed = 1,
    potential: Potential = "edip",
    fragment_atoms: _FragmentAtoms = None,
    fragment_diameter: _FragmentDiameter = None,
    fragment_spread: _Spread = 0.2,
    curvature: _Curvature = "sphere",
    curvature_radius: _Radius = None,
    cross_linking: _CrossLinking = 0.05,
    force_tolerance: Tolerance = 0.2,
    as_json: _Json = False,
    picture: _Picture = None,
) -> None:
    """Pack curved graphene fragments, join them by sp3 bridges, and relax.

    Bridges are made until the fraction asked for is reached after relaxation; where it cannot
    be, a warning says what was. Measured and printed: bonding, bridges, curvature, void, density.

    Example: carbonize build fragments --atoms 1000 --density 1.1 --cross-linking 0.08 -o fragments.extxyz
    """
    _build(
        "fragments",
        {
            "atoms": atoms,
            "density_g_cm3": density,
            "fragment_atoms": fragment_atoms,
            "fragment_diameter_A": fragment_diameter,
            "fragment_spread": fragment_spread,
            "curvature": curvature,
            "curvature_radius_A": curvature_radius,
            "cross_linking": cross_linking,
        },
        {"seed": seed, "force_tolerance_eV_A": force_tolerance},
        potential,
        out,
        as_json,
        picture,
    )


def build_templated(
    out: Out,
    matrix: Annotated[
        str,
        typer.Option(
            "--matrix", metavar="NAME|FILE", help="fragments, random, melt-quench, or a structure file."
        ),
    ] = "fragments",
    atoms: Annotated[
        int | None,
        typer.Option("--atoms", "-n", metavar="N", help="Carbon atoms that stay. None for a file."),
    ] = None,
    density: Annotated[
        float | None,
        typer.Option("--density", metavar="G_CM3", help="Density of the whole cell, cavities included."),
    ] = None,
    template: Annotated[
        str, typer.Option("--template", help="sphere, or slit (spans the cell, normal to z).")
    ] = "sphere",
    size: Annotated[
        float,
        typer.Option("--size", metavar="A", help="Diameter or width of the cavity, between atoms' surfaces."),
    ] = 12.0,
    number: Annotated[int | None, typer.Option("--number", metavar="N", help="How many templates.")] = None,
    porosity: Annotated[
        float | None, typer.Option("--porosity", metavar="X", help="Or their share of the cell, 0 to 0.95.")
    ] = None,
    seed: Seed = 1,
    potential: Potential = "edip",
    fragment_atoms: _FragmentAtoms = None,
    fragment_diameter: _FragmentDiameter = None,
    fragment_spread: _Spread = 0.2,
    curvature: _Curvature = "sphere",
    curvature_radius: _Radius = None,
    cross_linking: _CrossLinking = 0.05,
    melt_ps: Annotated[
        float, typer.Option("--melt-ps", metavar="PS", help="melt-quench: how long it is kept liquid.")
    ] = 1.0,
    quench_ps: Annotated[
        float, typer.Option("--quench-ps", metavar="PS", help="melt-quench: duration of the quench.")
    ] = 1.0,
    force_tolerance: Tolerance = 0.2,
    as_json: _Json = False,
    picture: _Picture = None,
) -> None:
    """Pores of chosen size in a matrix, where templates were before they were removed.

    Atoms at random and fragments are packed around the templates; from a melt-quenched carbon and from a file
    what lies within them is cut out. Measured and printed: the cavities, void, bonding, density.

    Example: carbonize build templated --atoms 1000 --density 0.8 --size 12 --number 1 -o templated.extxyz
    """
    inside: dict[str, Any] = {"kind": matrix}
    if matrix == "fragments":
        inside |= {
            "fragment_atoms": fragment_atoms,
            "fragment_diameter_A": fragment_diameter,
            "fragment_spread": fragment_spread,
            "curvature": curvature,
            "curvature_radius_A": curvature_radius,
            "cross_linking": cross_linking,
        }
    elif matrix == "melt-quench":
        inside |= {"melt_ps": melt_ps, "quench_ps": quench_ps}
    elif matrix != "random":
        inside = {"kind": "file", "path": matrix}
    _build(
        "templated",
        {
            "matrix": inside,
            "atoms": atoms,
            "density_g_cm3": density,
            "template": template,
            "template_size_A": size,
            "number": number,
            "porosity": porosity,
        },
        {"seed": seed, "force_tolerance_eV_A": force_tolerance},
        potential,
        out,
        as_json,
        picture,
    )


def _build(
    kind: str,
    fields: dict[str, Any],
    work: dict[str, Any],
    potential: str,
    out: Path,
    as_json: bool,
    picture: Path | None,
) -> None:
    from carbonize.cli.build import check_out, potential_config, save_structure, status_line
    from carbonize.config.builds import parse_build
    from carbonize.errors import InputError
    from carbonize.io.files import check_target

    check_out(out)
    if picture is not None:
        if picture.suffix.lower() != ".png":
            raise InputError(f"--picture {picture}: the name must end in .png")
        check_target(picture)
    data = {"kind": kind, **fields, **work, "potential": potential_config(potential).model_dump()}
    try:
        spec = parse_build(data, source=f"build {kind}")
    except InputError as error:
        raise InputError(_as_options(str(error))) from None
    from carbonize.building import build
    from carbonize.cli.xla import use_compilation_cache

    use_compilation_cache()
    try:
        with status_line("packing") as say:
            atoms, measured = build(
                spec, lambda what, done: say(what if done is None else f"{100 * done:.0f} %: {what}")
            )
    except InputError as error:
        raise InputError(_as_options(str(error))) from None
    save_structure(atoms, out)
    if as_json:
        sys.stdout.write(json.dumps({"file": str(out), **measured}, indent=1, allow_nan=False) + "\n")
    else:
        from carbonize.cli.build_tables import print_measured

        print_measured(str(out), measured)
    for warning in measured["warnings"]:
        typer.echo(f"carbonize: warning: {warning}", err=True)
    if picture is not None:
        from carbonize.report.render import render_atoms

        drawn = render_atoms(atoms, picture)
        if not as_json:
            typer.echo(f"wrote {picture}" + (f" ({drawn.note})" if drawn.note else ""))


def _as_options(message: str) -> str:
    """A message about fields of a spec in the words of the command line."""
    for field, option in _OPTIONS.items():
        # a plain word such as "atoms" is the field's name only where a colon follows
        end = r"\b" if "_" in field else "(?=:)"
        message = re.sub(rf"(?<![\w-])(?:matrix\.)?{field}{end}", option, message)
    return message
