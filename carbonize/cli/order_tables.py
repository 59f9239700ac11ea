"""What ``carbonize analyze`` prints about bonding's finer numbers, rings and sheets."""

from __future__ import annotations

from typing import Any

from rich.console import Console

__all__ = ["print_edges", "print_rings", "print_sheets"]


def print_edges(console: Console, bonding: dict[str, Any]) -> None:
    """Two lines: pyramidalization and angles, edges and missing bonds."""
    low, high = bonding["radicals_mmol_g"]
    console.print(
        f"  pyramidalization of sp2 atoms {_number(bonding['pyramidalization_deg'], 2, '°')}; bond angles agree with "
        f"the count of neighbours for {_percent(bonding['angle_agreement'])} of sp, sp2 and sp3 atoms"
    )
    console.print(
        f"  edge atoms {_percent(bonding['edge_fraction'])} ({bonding['edges_mmol_g']:.3f} mmol/g), dangling "
        f"{_percent(bonding['dangling_fraction'])}; bonds that are missing {low:.3f} to {high:.3f} mmol/g"
    )
    steady = bonding.get("steady")
    if steady:
        console.print(
            f"  by most of {steady['frames_used']} frames: sp {_percent(steady['sp'])}, sp2 {_percent(steady['sp2'])}, "
            f"sp3 {_percent(steady['sp3'])}; {_percent(steady['flicker_fraction'])} of the atoms flicker in this frame"
        )


def print_rings(console: Console, rings: dict[str, Any]) -> None:
    """Three lines: counts, shares and pairs, curvature."""
    counts = ", ".join(f"{n}: {rings[str(n)]}" for n in range(3, 13))
    console.print(f"  rings ({rings['definition']}) by atoms: {counts}")
    console.print(
        f"  hexagons {_percent(rings['hexagon_fraction'])} of {rings['total']} rings; pentagon-heptagon pairs "
        f"{rings['pentagon_heptagon_pairs']}, Stone-Wales bonds {rings['stone_wales']}"
    )
    curvature = rings["gaussian_curvature"]
    console.print(
        f"  curvature of the {curvature['atoms']} atoms between three rings: mean "
        f"{_number(curvature['mean_rad'], 4, 'rad')}, rms {_number(curvature['rms_rad'], 4, 'rad')}; "
        f"bowls {_percent(curvature['positive_fraction'])}, saddles {_percent(curvature['negative_fraction'])}"
    )
    if rings["own_image_rings"]:
        console.print(
            f"  {rings['own_image_rings']} rings hold an atom and its own image: the cell is small beside them"
        )


def print_sheets(console: Console, sheets: dict[str, Any]) -> None:
    """Two lines: sheets and stacks."""
    console.print(
        f"  sheets: {sheets['sheets']} with {_percent(sheets['atom_fraction'])} of the atoms, mean size "
        f"{_number(sheets['mean_size'], 1)} atoms, largest {sheets['largest']} "
        f"({_percent(sheets['largest_fraction'])} of the atoms)"
    )
    console.print(
        f"  stacks: {_percent(sheets['stacked_fraction'])} of sheet atoms have a layer above or below, spacing "
        f"{_number(sheets['layer_spacing_A'], 3, 'Å')} (mode {_number(sheets['layer_spacing_mode_A'], 3, 'Å')}, "
        f"spread {_number(sheets['layer_spacing_spread_A'], 3, 'Å')}), mean layers "
        f"{_number(sheets['layers_mean'], 2)}"
    )


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "-" if value is None else f"{value:.{digits}f} {unit}".rstrip()


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"
