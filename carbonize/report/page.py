"""The report of a run: one HTML file that holds its own figures and pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from carbonize.errors import CarbonizeError, InputError
from carbonize.report import words
from carbonize.report.change import first_and_last, headline_rows, reading
from carbonize.report.clocks import mapping
from carbonize.report.figures import write_figures
from carbonize.report.lives import write_life_figures
from carbonize.report.pictures import Pictures, write_pictures
from carbonize.report.style import BONDING_COLORS, BONDING_LABELS, CLASS_COLORS, CLASS_LABELS, OTHER_COLOR
from carbonize.schedules import compile_protocol

__all__ = ["build_page", "write_report"]


def write_report(run_dir: str | Path) -> Path:
    """Write ``figures/*.png`` and ``report.html`` into a run folder.

    Parameters
    ----------
    run_dir
        A folder as ``carbonize run`` writes it; the run may be unfinished.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If the folder is missing, is no run folder, or no frame has been analysed yet.
    CarbonizeError
        If the folder cannot be written.
    """
    from carbonize.io.rundir import load_run

    return build_page(load_run(run_dir))


def build_page(run: Any) -> Path:
    """Write the report of a loaded run into its folder; see :func:`write_report`."""
    if not run.records:
        raise InputError(
            f"{run.path}: the run has no analysed frame yet, so there is nothing to report; "
            "let it run on (carbonize run) until the first analysis"
        )
    page = Path(run.path) / "report.html"
    try:
        figures = {
            **write_figures(run, page.with_name("figures")),
            **write_life_figures(run, page.with_name("figures")),
        }
        pictures = write_pictures(run, page.with_name("figures"))
        _write_whole(page, _render(run, figures, pictures))
    except OSError as err:
        raise CarbonizeError(f"{err.filename or page}: cannot be written: {err.strerror or err}") from None
    return page


def _render(run: Any, figures: Mapping[str, Path], pictures: Pictures) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("carbonize.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    context = _context(run)
    context["figures"] = {name.replace("-", "_"): _data_uri(path) for name, path in figures.items()}
    context["pictures"] = [
        {
            "title": pair.title,
            "kind": pair.kind,
            "first": _data_uri(pair.first),
            "last": _data_uri(pair.last),
            "caption": pair.caption,
            "first_label": pair.first_label,
            "last_label": pair.last_label,
        }
        for pair in pictures.pairs
    ]
    context["picture_note"] = pictures.note
    return environment.get_template("report.html.j2").render(context)


def _context(run: Any) -> dict[str, Any]:
    """Everything the template says, as text."""
    protocol, manifest = run.protocol, run.manifest
    pairs = first_and_last(run.records)
    own = min(int(r["replica"]) for r in run.records)
    shown = sorted((r for r in run.records if r["replica"] == own), key=lambda r: r["step"])
    first, last = shown[0], shown[-1]
    n_atoms = int(last["frame"]["n_atoms"])
    replicas = len({r["replica"] for r in run.records})
    colors = {**BONDING_COLORS, **CLASS_COLORS}
    pores, left_out = words.pore_rows(last)
    return {
        "name": protocol.name,
        "sentence": words.sentence(protocol, n_atoms, replicas, pairs["density"].first),
        "status": words.status(manifest),
        "replicas": replicas,
        "frames": words.frames(first, last, replicas),
        "rows": headline_rows(pairs, colors, replicas),
        "findings": reading(
            pairs, n_atoms, replicas, protocol.analysis.probes_A, one_frame=first["step"] == last["step"]
        ),
        "caution": words.caution(protocol, n_atoms, replicas, last),
        "stages": words.stages(protocol),
        "clocks": mapping(protocol, [s.hottest_K for s in compile_protocol(protocol)]),
        "pores": pores,
        "pores_left_out": left_out,
        "pores_frame": words.frame_name(last),
        "pore_replica": own if replicas > 1 else None,
        "classes": words.class_definitions(protocol.analysis.class_limits_A),
        "probes": words.probe_rows(last, protocol.analysis.probes_A),
        "bonding_legend": [(BONDING_LABELS[k], c) for k, c in BONDING_COLORS.items()]
        + [("5 or more neighbours", OTHER_COLOR)],
        "class_legend": [(CLASS_LABELS[k], c) for k, c in CLASS_COLORS.items()],
        "cutoff": f"{protocol.analysis.bond_cutoff_A:g}",
        "radii": ", ".join(f"{k} {v:g} Å" for k, v in protocol.analysis.radii_A.items()),
        "persistence": f"{protocol.analysis.persistence_A:g}",
        "lives": words.lives(run.tracking),
        "making": words.making(protocol, manifest),
        "versions": words.versions(manifest),
        "files": words.files(Path(run.path)),
        "carbonize_version": metadata.version("carbonize"),
    }


def _data_uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _write_whole(path: Path, text: str) -> None:
    """Write aside and rename, so that a page is never half there."""
    aside = path.with_name(f".{path.name}.tmp")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
