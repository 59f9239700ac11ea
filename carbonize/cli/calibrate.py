"""``carbonize calibrate``: an activation energy from runs at several temperatures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from carbonize.kinetics import Calibration

__all__ = ["calibrate"]


def calibrate(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...", help="Run folders that hold at different temperatures, three at least."
        ),
    ],
    quantity: Annotated[
        str,
        typer.Option(
            "--quantity",
            "-q",
            metavar="NAME",
            help="What converts: sp2, sp3, sp, or a path in the analysed frames.",
        ),
    ] = "sp2",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FIT.png", help="Draw the fit into a picture (PNG, PDF or SVG)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Fit the activation energy that makes conversion at several temperatures one curve.

    Give runs that start alike, hold at three or more temperatures and are still converting there;
    replicas make the interval narrow. Of several holds the hottest with five analysed frames counts; what
    came before it counts by its dose, unless it was hotter (a melt). The energy goes into a protocol's equivalence.
    """
    from carbonize.errors import InputError
    from carbonize.io.rundir import load_run
    from carbonize.kinetics import calibrate as fit
    from carbonize.kinetics import conversion_curves

    if out is not None and out.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise InputError(f"--out {out}: expected a name that ends in .png, .pdf or .svg")
    folders = list(dict.fromkeys(path.resolve() for path in runs))
    if len(folders) < len(runs):
        raise InputError("calibrate: the same run is given twice")
    loaded = [load_run(path) for path in runs]
    curves = conversion_curves(loaded, quantity)
    is_share = quantity in ("sp", "sp2", "sp3") or quantity.endswith("_fraction")
    found = fit(curves, (0.0, 1.0) if is_share else None)
    if out is not None:
        from carbonize.report.calibration_figure import calibration_figure

        calibration_figure(curves, found, quantity).savefig(out, dpi=180)
    if as_json:
        import json

        typer.echo(
            json.dumps(_plain(found, quantity, [str(path) for path in runs]), indent=1, allow_nan=False)
        )
        return
    unfinished = [str(run.path) for run in loaded if run.manifest.get("status") != "finished"]
    for line in _told(found, quantity, unfinished):
        typer.echo(line)
    if out is not None:
        typer.echo(f"wrote {out}")


def _plain(found: Calibration, quantity: str, runs: list[str]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "runs": runs,
        "quantity": quantity,
        "activation_energy_eV": found.energy_eV,
        "ci95_eV": list(found.interval_eV),
        "standard_error_eV": found.standard_error_eV,
        "temperatures_K": list(found.temperatures_K),
        "n_curves": list(found.curves),
        "master_curve": {
            "first": found.first,
            "last": found.last,
            "reference_K": found.reference_K,
            "time_constant_ps": found.tau_ps,
            "stretching_exponent": found.beta,
        },
        "fit": {"r_squared": found.r_squared, "scatter": found.scatter, "frame_noise": found.noise},
        "time_constants": [
            {"temperature_K": t, "time_constant_ps": tau} for t, tau in found.taus_ps.tolist()
        ],
    }


def _told(found: Calibration, quantity: str, unfinished: list[str]) -> list[str]:
    low, high = found.interval_eV
    coldest, hottest = found.temperatures_K[0], found.temperatures_K[-1]
    ratio = found.scatter / found.noise if found.noise > 0 else float("inf")
    lines = [
        f"activation energy  {found.energy_eV:.2f} eV, 95 % interval {low:.2f} to {high:.2f} eV",
        f"from               {sum(found.curves)} curves of {quantity} at {len(found.curves)} temperatures, "
        f"{coldest:.0f} to {hottest:.0f} K",
        f"master curve       {found.first:.3g} to {found.last:.3g}, time constant {found.tau_ps:.3g} ps at "
        f"{found.reference_K:.0f} K, stretching exponent {found.beta:.2f}",
        f"fit                R2 {found.r_squared:.3f}; frames lie {found.scatter:.2g} about the one curve, and "
        f"{found.noise:.2g} about their own",
    ]
    if ratio > 3.0:
        lines.append(
            "                   one curve does not join them well: more than one process, different starts, or an "
            "energy that changes with conversion"
        )
    if low <= 0.0:
        lines.append(
            "                   the interval reaches 0: these runs do not determine the energy; add replicas, "
            "temperatures, or longer holds"
        )
    lines += [f"unfinished         {path}: as far as it is" for path in unfinished]
    lines.append(
        "assumes            one process with one energy between these temperatures; a furnace is far colder, so that "
        "its use there is an extrapolation"
    )
    lines.append(
        f"in a protocol      equivalence: {{activation_energy_eV: {found.energy_eV:.2f}, duration_ps: 20}}; try both "
        "ends of the interval with carbonize plan"
    )
    return lines
