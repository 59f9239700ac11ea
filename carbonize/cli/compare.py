"""``carbonize compare``."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from carbonize.compare.comparison import Comparison

__all__ = ["compare"]


def compare(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN|STUDY...",
            help="Study folders (carbonize study --out) and run folders. Runs of one name are replicas of one protocol.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="DIR", help="Where comparison.json, .nc and report.html go."),
    ] = Path("comparison"),
    reference: Annotated[
        str | None,
        typer.Option("--reference", metavar="NAME", help="Compare every protocol with this one only."),
    ] = None,
    final: Annotated[
        str,
        typer.Option("--final", help="last: the last frame; stage: the mean over frames of the last stage."),
    ] = "last",
    over: Annotated[
        str,
        typer.Option(
            "--over",
            help="What claims are about: replicas (of these precursors), or precursors (others of their kind).",
        ),
    ] = "replicas",
    smallest: Annotated[
        list[str] | None,
        typer.Option(
            "--smallest-effect",
            metavar="NAME=X",
            help="A difference worth seeing, for example sp2=0.01: how many replicas would it take? May be repeated.",
        ),
    ] = None,
    activation_energy: Annotated[
        float | None,
        typer.Option(
            "--activation-energy",
            metavar="EV",
            help="For curves against thermal dose. Default: the protocols' own.",
        ),
    ] = None,
    leave_out: Annotated[
        bool,
        typer.Option(
            "--leave-out-unfinished",
            help="Do without unfinished runs, failed replicas and runs shorter than others of their protocol.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap's random numbers.")] = 0,
    json_out: Annotated[
        bool, typer.Option("--json", help="Print comparison.json instead of the table.")
    ] = False,
    no_report: Annotated[
        bool,
        typer.Option("--no-report", help="Write no report.html: neither matplotlib nor OVITO is needed."),
    ] = False,
) -> None:
    """Say what protocols do to a carbon, with confidence intervals over replicas, and what cannot be seen.

    Writes comparison.json, comparison.nc and report.html. Differences are paired where protocols share their
    starts, as in a study; a verdict in words says so when no difference can be seen.
    """
    from carbonize.compare.comparison import Options
    from carbonize.compare.comparison import compare as make
    from carbonize.compare.curves import curves_dataset
    from carbonize.compare.writing import write_comparison
    from carbonize.errors import InputError
    from carbonize.io.files import check_folder

    if final not in ("last", "stage"):
        raise InputError(f"--final {final}: expected last or stage")
    if activation_energy is not None and not 0 < activation_energy < 100:
        raise InputError(f"--activation-energy {activation_energy:g}: expected eV above 0 and below 100")
    options = Options(
        over=over,
        over_stage=final == "stage",
        reference=reference,
        smallest=_effects(smallest or []),
        leave_out_unfinished=leave_out,
        activation_energy_eV=activation_energy,
        seed=seed,
    )
    check_folder(out)
    if (out / "manifest.json").exists():
        raise InputError(f"--out {out}: is a run folder, whose report.html would be lost; give another one")
    if (out / "comparison.html").exists():
        raise InputError(f"--out {out}: holds a comparison with an experiment; give another folder")
    with _waiting("comparing protocols"):
        found = make(sources, options)
        curves = curves_dataset(found)
        write_comparison(out, found, curves)
    if json_out:
        sys.stdout.write(json.dumps(found.document(), indent=1, allow_nan=False) + "\n")
    else:
        for line in _told(found):
            typer.echo(line)
    written = out / "comparison.json"
    if not no_report:
        from carbonize.report.comparison_page import write_comparison_page

        with _waiting("drawing the report"):
            written = write_comparison_page(found, curves, out)
    typer.echo(f"wrote {written}", err=json_out)


def _effects(given: list[str]) -> dict[str, float]:
    """NAME=X as a mapping."""
    from carbonize.errors import InputError

    found = {}
    for text in given:
        name, sign, number = text.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            sign = ""
        if not sign or not name.strip():
            raise InputError(f"--smallest-effect {text}: write NAME=NUMBER, for example sp2=0.01")
    return found


def _told(found: Comparison) -> list[str]:
    """Table of finals, then verdicts, then what must be said."""
    lines = [*_table(found), ""]
    shown = [d for d in found.differences if d.quantity.headline]
    for evidence, title in (
        ("clear", "Differences"),
        ("hint", "Hints: alone they would count, among so many comparisons they may be chance"),
        ("none", "No difference can be seen"),
        ("unknown", "Nothing can be said"),
    ):
        own = [_short(found.verdict(d)) for d in shown if d.evidence == evidence and not d.same]
        if evidence == "none" and (same := list(dict.fromkeys(d.quantity.label for d in shown if d.same))):
            own.append(f"the same in every replica: {', '.join(same)}")
        if own:
            lines += [f"{title}:", *(f"  - {text}" for text in own), ""]
    lines += _others(found)
    lines += [f"Left out: {text}" for text in found.left_out]
    lines += [f"Note: {text}" for text in found.caveats]
    return lines


def _others(found: Comparison) -> list[str]:
    """How many of the comparisons that nobody chose beforehand show something, and how sure that is."""
    others = [d for d in found.differences if not d.quantity.headline and d.p is not None]
    clear, hints = (sum(d.evidence == kind for d in others) for kind in ("clear", "hint"))
    if not clear + hints:
        return []
    return [
        f"Beside these, {len(others)} comparisons of other quantities were made, which were not chosen beforehand and",
        f"go in good part with those above: {clear} of them show a difference that holds for {len(others)} tests at",
        f"once (Holm's correction), {hints} more only if each is taken alone. comparison.json has them all, under",
        "differences, with p and p_holm.",
        "",
    ]


def _short(text: str) -> str:
    """A verdict without what stands above the list."""
    return text.partition("; a hint only")[0].removeprefix("no difference can be seen in ")


def _table(found: Comparison) -> list[str]:
    """Headline quantities by protocol: mean and interval."""
    from carbonize.compare.verdicts import amount, span

    rows: list[list[str]] = [
        [
            "",
            *(
                f"{n} ({len(own)} replica{'s' if len(own) != 1 else ''})"
                for n, own in found.protocols.items()
            ),
        ]
    ]
    for quantity in found.quantities:
        if not quantity.headline:
            continue
        unit = "%" if quantity.unit == "points" else quantity.unit
        row = [f"{quantity.label} ({unit})" if unit else quantity.label]
        for name in found.protocols:
            final = found.finals[name][quantity.dotted]
            text = (
                "none"
                if final.mean is None
                else amount(quantity, final.mean).removesuffix(quantity.unit).strip()
            )
            row.append(text + (f" [{span(quantity, final.ci95)}]" if final.ci95 else ""))
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


@contextlib.contextmanager
def _waiting(what: str) -> Iterator[Any]:
    """A spinner on standard error, if that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with console.status(what) as status:
        yield status
