"""What ``carbonize build`` prints about a structure that it has made."""

from __future__ import annotations

from typing import Any

__all__ = ["print_measured"]


def print_measured(source: str, measured: dict[str, Any]) -> None:
    """Print a table to standard output, each line with its unit."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=max(console.width, 110))
    console.print(source, style="bold", markup=False)
    table = Table(box=None, padding=(0, 2, 0, 2), header_style="bold")
    table.add_column("quantity")
    table.add_column("reached", justify="right")
    table.add_column("asked for", justify="right")
    table.add_column("unit")
    for row in _rows(measured):
        table.add_row(*row)
    console.print(table)


def _rows(measured: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    rows = [
        ("atoms", str(measured["n_atoms"]), "", ""),
        ("density", f"{measured['density_g_cm3']:.3f}", "", "g/cm³"),
        *[(f"{name} atoms", f"{100 * measured[name]:.1f}", "", "%") for name in ("sp", "sp2", "sp3")],
    ]
    if "fragments" in measured:
        rows += _fragment_rows(measured["fragments"])
    if "templates" in measured:
        rows += _template_rows(measured["templates"])
    rows.append(("void, centre of He", f"{100 * measured['void_fraction_He']:.1f}", "", "% of the cell"))
    if "porosity_He" in measured:
        body, error = 100 * measured["porosity_He"], 100 * measured["porosity_He_error"]
        rows.append(("void, body of He", f"{body:.1f} ± {error:.1f}", "", "% of the cell"))
    free = measured["largest_free_sphere_A"]
    rows += [
        ("largest included sphere", f"{measured['largest_included_sphere_A']:.2f}", "", "Å"),
        ("largest free sphere", "-" if free is None else f"{free:.2f}", "", "Å"),
        *[(f"{name} pores", f"{v:.4f}", "", "cm³/g") for name, v in measured["class_volume_cm3_g"].items()],
        ("potential energy", f"{measured['potential_eV_per_atom']:.3f}", "", "eV/atom"),
        ("largest force", f"{measured['max_force_eV_A']:.2g}", "", "eV/Å"),
    ]
    return rows


def _fragment_rows(found: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    target = found["curvature_radius_target_A"]
    sizes = f"{found['smallest_atoms']} to {found['largest_atoms']}, mean {found['mean_atoms']:.1f}"
    return [
        ("fragments", str(found["count"]), "", ""),
        ("atoms of a fragment", sizes, "", ""),
        (
            "sp3 bridges between them",
            f"{100 * found['cross_linking']:.1f}",
            f"{100 * found['cross_linking_target']:.1f}",
            "% of atoms",
        ),
        ("bonds between fragments", str(found["links"]), "", ""),
        ("linked fragments", str(found["linked_fragments"]), "", ""),
        (
            f"radius of curvature ({found['curvature']})",
            f"{found['curvature_radius_A']:.1f}",
            "" if target is None else f"{target:g}",
            "Å, median",
        ),
    ]


def _template_rows(found: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    target = found.get("porosity_target")
    rows = [(f"templates ({found['shape']})", str(found["number"]), "", "")]
    for k, size in enumerate(found["sizes_A"][:8]):
        rows.append((f"  cavity {k}", f"{size:.2f}", f"{found['size_target_A']:g}", "Å"))
    if found["number"] > 8:
        rows.append(("  ... and the others", "", "", ""))
    rows.append(
        (
            "templates' share",
            f"{100 * found['porosity']:.1f}",
            "" if target is None else f"{100 * target:.1f}",
            "% of the cell",
        )
    )
    return rows
