"""The report of a comparison: one HTML file, verdicts first, that holds its own figures and pictures."""

from __future__ import annotations

import base64
from importlib import metadata
from pathlib import Path
from typing import Any

from carbonize.compare.comparison import Comparison
from carbonize.compare.curves import activation_energy
from carbonize.compare.effects import Difference
from carbonize.compare.verdicts import amount, span
from carbonize.errors import CarbonizeError
from carbonize.io.files import write_atomic
from carbonize.report.comparison_figures import protocol_color, shown_pairs, write_comparison_figures
from carbonize.report.comparison_pictures import SidePictures, write_side_pictures
from carbonize.report.style import BONDING_COLORS, BONDING_LABELS, CLASS_COLORS, CLASS_LABELS, OTHER_COLOR
from carbonize.report.words import stages

__all__ = ["write_comparison_page"]


def write_comparison_page(found: Comparison, curves: Any, folder: Path) -> Path:
    """Write ``figures/*.png`` and ``report.html`` into the folder of a comparison.

    Parameters
    ----------
    found, curves
        The comparison and its curves (:func:`carbonize.compare.curves.curves_dataset`).
    folder
        Where comparison.json lies.

    Raises
    ------
    CarbonizeError
        If the folder cannot be written.
    """
    page = folder / "report.html"
    try:
        figures = write_comparison_figures(found, curves, folder / "figures")
        pictures = write_side_pictures(found, folder / "figures")
        text = _render(found, figures, pictures)
    except OSError as err:
        raise CarbonizeError(f"{err.filename or page}: cannot be written: {err.strerror or err}") from None
    write_atomic(page, text)
    return page


def _render(found: Comparison, figures: dict[str, Path], pictures: SidePictures) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("carbonize.report", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # one look for all pages: that of a run's report
    source = loader.get_source(environment, "report.html.j2")[0]
    style = source.partition("<style>")[2].partition("</style>")[0]
    context = _context(found) | {
        "style": style,
        "figures": {name.replace("-", "_"): _data_uri(path) for name, path in figures.items()},
        "pictures": _pictures(found, pictures),
        "picture_note": pictures.note,
        "picture_shown": pictures.shown,
    }
    return environment.get_template("comparison.html.j2").render(context)


def _context(found: Comparison) -> dict[str, Any]:
    """Everything the template says, as text."""
    names = list(found.protocols)
    everyone = [replica for own in found.protocols.values() for replica in own]
    energy = activation_energy(found)
    return {
        "title": _listed(names),
        "several": len(names) > 1,
        "sentence": _sentence(found),
        "pairs": [_pair(found, a, b) for a, b in shown_pairs(found)],
        "pairs_left_out": len({(d.a, d.b) for d in found.differences}) - len(shown_pairs(found)),
        "protocols": [
            {
                "name": name,
                "color": protocol_color(place),
                "replicas": len(own),
                "stages": stages(own[0].run.protocol),
                "length": f"{own[0].records[-1]['time_ps']:g} ps",
            }
            for place, (name, own) in enumerate(found.protocols.items())
        ],
        "rows": _rows(found),
        "details": [_detail(found, d) for d in found.differences if d.quantity.headline],
        "others": [found.verdict(d) for d in found.differences if d.seen and not d.quantity.headline][:30],
        "caveats": found.caveats,
        "left_out": found.left_out,
        "methods": found.methods(),
        "runs": list(dict.fromkeys(str(r.run.path) for r in everyone)),
        "energy": None if energy is None else f"{energy:g}",
        "reference": f"{found.options.reference_K:g}",
        "bonding_legend": [(BONDING_LABELS[k], c) for k, c in BONDING_COLORS.items()]
        + [("5 or more neighbours", OTHER_COLOR)],
        "class_legend": [(CLASS_LABELS[k], c) for k, c in CLASS_COLORS.items()],
        "carbonize_version": metadata.version("carbonize"),
    }


def _sentence(found: Comparison) -> str:
    own = {name: len(replicas) for name, replicas in found.protocols.items()}
    everyone = [replica for replicas in found.protocols.values() for replica in replicas]
    precursors = list(dict.fromkeys(r.key.block.precursor for r in everyone))
    potentials = list(dict.fromkeys(r.key.block.potential for r in everyone))
    counts = set(own.values())
    number = (
        f"{counts.pop()} replicas of each" if len(counts) == 1 else f"{sum(own.values())} replicas in all"
    )
    if len(own) == 1:
        number = f"{sum(own.values())} replica{'s' if sum(own.values()) != 1 else ''}"
    many = f"{len(precursors)} precursors" if len(precursors) > 1 else "one precursor"
    shown = ", ".join(precursors[:4]) + (", …" if len(precursors) > 4 else "")
    protocols = f"{len(own)} heating protocols" if len(own) > 1 else "One heating protocol"
    return f"{protocols}, {number}, on {many} ({shown}); potential {', '.join(potentials)}."


def _pair(found: Comparison, a: str, b: str) -> dict[str, Any]:
    """What is said of one pair of protocols, the strongest first."""
    own = [d for d in found.differences if d.quantity.headline and (d.a, d.b) == (a, b)]
    order = sorted((d for d in own if d.seen), key=lambda d: d.p if d.p is not None else 1.0)
    unseen = [d for d in own if d.evidence == "none" and not d.same]
    return {
        "a": a,
        "b": b,
        "firm": [_item(d) for d in order if d.evidence == "clear"],
        "hints": [_item(d) for d in order if d.evidence == "hint"],
        "unseen": _listed([d.quantity.label for d in unseen]),
        "needed": _needed(unseen),
        "same": [d.quantity.label for d in own if d.same],
        "unknown": [found.verdict(d) for d in own if d.evidence == "unknown"],
        "comparisons": found.comparisons(True),
        "paired": all(d.paired for d in own),
        "counts": _counts(own),
    }


def _needed(unseen: list[Difference]) -> str:
    """From how many to how many replicas the differences that were not seen would take."""
    known = sorted((d for d in unseen if d.effect), key=lambda d: d.needed or 10**9)
    if not known:
        return ""

    def told(d: Difference) -> str:
        many = "over 10,000" if d.needed is None else f"about {d.needed:,}"
        return f"{many} replicas of each ({d.quantity.label}, {amount(d.quantity, abs(d.effect or 0.0))})"

    text = f"To see one as large as what was asked for or measured would take {told(known[0])}"
    return text + (f" to {told(known[-1])}." if len(known) > 1 else ".")


def _listed(labels: list[str]) -> str:
    return ", ".join(labels[:-1]) + f" and {labels[-1]}" if len(labels) > 1 else "".join(labels)


def _counts(own: list[Difference]) -> str:
    most = max((d.n_a for d in own), default=0)
    if own and own[0].paired:
        return f"{most} pair{'s' if most != 1 else ''} of replicas with the same start and random numbers"
    other = max((d.n_b for d in own), default=0)
    return f"{other} and {most} replicas, not paired"


def _item(d: Difference) -> dict[str, str]:
    quantity = d.quantity
    value = float(d.difference or 0.0)
    return {
        "headline": f"{quantity.words[0 if value > 0 else 1]} {quantity.label}",
        "by": amount(quantity, value, signed=True),
        "interval": span(quantity, d.ci95) if d.ci95 else "",
        "p": _p(d.p),
        "p_holm": _p(d.p_holm),
        "missing": _missing(d),
    }


def _missing(d: Difference) -> str:
    parts = [f"{n} of {name}" for name, n in ((d.a, d.missing_a), (d.b, d.missing_b)) if n]
    return f"no value in {' and '.join(parts)}" if parts else ""


def _p(p: float | None) -> str:
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.2g}"


def _rows(found: Comparison) -> list[dict[str, Any]]:
    """Headline quantities, a row each, a cell a protocol."""
    rows = []
    for quantity in found.quantities:
        if not quantity.headline:
            continue
        cells = []
        for name in found.protocols:
            final = found.finals[name][quantity.dotted]
            mean = "none" if final.mean is None else amount(quantity, final.mean).replace(" points", " %")
            ends = span(quantity, final.ci95) if final.ci95 and final.sem else ""
            missing = f"none in {final.missing}" if final.missing and final.mean is not None else ""
            cells.append({"mean": mean, "interval": ends, "missing": missing})
        rows.append({"name": quantity.label, "cells": cells})
    return rows


def _detail(found: Comparison, d: Difference) -> dict[str, str]:
    return {
        "pair": f"{d.b} − {d.a}",
        "name": d.quantity.label,
        "difference": amount(d.quantity, d.difference, signed=True) if d.difference is not None else "–",
        "interval": span(d.quantity, d.ci95) if d.ci95 else "–",
        "p": _p(d.p),
        "p_holm": _p(d.p_holm),
        "detectable": amount(d.quantity, d.detectable) if d.detectable else "–",
        "needed": "–" if d.ci95 is None else "over 10,000" if d.needed is None else f"{d.needed:,}",
    }


def _pictures(found: Comparison, pictures: SidePictures) -> list[dict[str, Any]]:
    rows = []
    colors = {name: protocol_color(place) for place, name in enumerate(found.protocols)}
    for kind, title, own in (
        ("pores", "Pores of the last frame, coloured by class", pictures.pores),
        ("bonding", "A slice of the last frame, atoms by number of neighbours", pictures.bonding),
    ):
        if own:
            shown = [{"name": n, "color": colors[n], "image": _data_uri(p)} for n, p in own.items()]
            rows.append({"kind": kind, "title": title, "shown": shown})
    return rows


def _data_uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
