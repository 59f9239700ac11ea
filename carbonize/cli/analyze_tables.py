"""What ``carbonize analyze`` prints: a block for each of a few frames, or a line for each of many."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from carbonize.cli.order_tables import print_edges, print_rings, print_sheets
from carbonize.cli.scattering_tables import print_capacity, print_scattering

__all__ = ["print_results"]

_FRAMES_IN_FULL = 3
_PORES_LISTED = 12
_NONE = "-"


def print_results(source: str, frames: list[dict[str, Any]]) -> None:
    """Print results to standard output; units stand with every number or in the column's head."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=max(console.width, 160))
    console.print(source, style="bold", markup=False)
    if len(frames) > _FRAMES_IN_FULL:
        _print_lines(console, frames)
        return
    for frame in frames:
        _print_block(console, frame)


def _number(value: float | None, digits: int, unit: str = "") -> str:
    if value is None:
        return _NONE
    return f"{value:.{digits}f} {unit}".rstrip()


def _print_block(console: Console, frame: dict[str, Any]) -> None:
    console.print(
        f"frame {frame['index']}: {frame['n_atoms']} atoms, "
        f"cell volume {_number(frame['cell_volume_A3'], 1, 'Å³')}, "
        f"density {_number(frame['density_g_cm3'], 3, 'g/cm³')}"
    )
    if "bonding" in frame:
        _print_bonding(console, frame["bonding"])
    if "rings" in frame:
        print_rings(console, frame["rings"])
    if "sheets" in frame:
        print_sheets(console, frame["sheets"])
    if "pores" in frame:
        _print_pores(console, frame["pores"])
    if "scattering" in frame:
        print_scattering(console, frame["scattering"])
    if "capacity" in frame:
        print_capacity(console, frame["capacity"])


def _print_bonding(console: Console, bonding: dict[str, Any]) -> None:
    console.print(
        f"  bonding (within {bonding['cutoff_A']:g} Å): sp {100 * bonding['sp']:.2f} %, "
        f"sp2 {100 * bonding['sp2']:.2f} %, sp3 {100 * bonding['sp3']:.2f} %; "
        f"mean coordination {bonding['mean_coordination']:.3f}; "
        f"mean bond length {_number(bonding['mean_bond_length_A'], 3, 'Å')}"
    )
    shares = ", ".join(f"{k}: {100 * x:.2f} %" for k, x in bonding["coordination_fraction"].items())
    console.print(f"  atoms by number of neighbours: {shares}")
    print_edges(console, bonding)


def _print_pores(console: Console, pores: dict[str, Any]) -> None:
    along = ", ".join(
        f"{axis} {_number(value, 3, 'Å')}"
        for axis, value in zip("abc", pores["largest_free_sphere_along_A"], strict=True)
    )
    console.print(
        f"  largest included sphere {_number(pores['largest_included_sphere_A'], 3, 'Å')}; "
        f"largest free sphere {_number(pores['largest_free_sphere_A'], 3, 'Å')} (along {along})"
    )
    probes = _table(
        "probe",
        "Å",
        "access. Å³",
        "inacc. Å³",
        "access. Å²",
        "inacc. Å²",
        "access. m²/g",
        "channels",
        "pockets",
    )
    for name, probe in pores["probes"].items():
        probes.add_row(
            name,
            f"{probe['diameter_A']:g}",
            *(
                f"{probe[key]:.2f}"
                for key in (
                    "accessible_volume_A3",
                    "inaccessible_volume_A3",
                    "accessible_area_A2",
                    "inaccessible_area_A2",
                    "accessible_area_m2_g",
                )
            ),
            _channels(probe),
            str(probe["pockets"]),
        )
    console.print(probes)
    band = pores.get("radius_uncertainty")
    extra = [f"cm³/g, radii ± {band['delta_A']:g} Å"] if band else []
    classes = _table("class", "pores", "volume Å³", "volume cm³/g", "share %", *extra)
    for name, entry in pores["classes"].items():
        row = [
            name,
            str(entry["count"]),
            f"{entry['volume_A3']:.2f}",
            f"{entry['volume_cm3_g']:.4f}",
            f"{100 * entry['fraction']:.2f}",
        ]
        if band:
            row.append("{:.4f} to {:.4f}".format(*band["classes"][name]["volume_cm3_g"]))
        classes.add_row(*row)
    console.print(classes)
    if "occupiable" in pores:
        _print_occupiable(console, pores)
    if pores.get("pore_size_distribution"):
        _print_sizes(console, pores["pore_size_distribution"])
    _print_items(console, pores["items"])


def _channels(probe: dict[str, Any]) -> str:
    """Number of channels and in how many directions they lead, for example "2 (3-D, 1-D)"."""
    kinds = sorted(set(probe["channel_dimensionalities"]), reverse=True)
    return str(probe["channels"]) + (f" ({', '.join(f'{kind}-D' for kind in kinds)})" if kinds else "")


def _print_occupiable(console: Console, pores: dict[str, Any]) -> None:
    table = _table("probe", "occupiable, accessible cm³/g", "inaccessible cm³/g", "error cm³/g")
    for name, entry in pores["occupiable"].items():
        keys = ("accessible_cm3_g", "inaccessible_cm3_g", "error_cm3_g")
        table.add_row(name, *(_number(entry[key], 4) for key in keys))
    console.print(table)
    console.print(
        f"  helium density {_number(pores['helium_density_g_cm3'], 4, 'g/cm³')}; closed-pore volume from it "
        f"{_number(pores['closed_pore_volume_cm3_g'], 4, 'cm³/g')}, from the geometry "
        f"{_number(pores['geometric_closed_volume_cm3_g'], 4, 'cm³/g')}"
    )


def _print_sizes(console: Console, sizes: dict[str, Any]) -> None:
    console.print(
        f"  pore size: mean {_number(sizes['mean_A'], 2, 'Å')}, mode {_number(sizes['mode_A'], 2, 'Å')}, "
        f"width {_number(sizes['width_A'], 2, 'Å')}"
    )


def _print_items(console: Console, items: list[dict[str, Any]]) -> None:
    if not items:
        console.print("  no pore holds helium")
        return
    table = _table(
        "pore", "class", "entrance Å", "diameter Å", "volume Å³", "margin Å", "network", "center Å"
    )
    for item in items[:_PORES_LISTED]:
        table.add_row(
            str(item["id"]),
            item["class"],
            _number(item["entrance_A"], 3),
            _number(item["diameter_A"], 3),
            _number(item["volume_A3"], 2),
            _number(item["margin_A"], 3),
            item["winding"],
            " ".join(f"{x:.2f}" for x in item["center_A"]),
        )
    console.print(table)
    if len(items) > _PORES_LISTED:
        console.print(f"  ... and {len(items) - _PORES_LISTED} smaller pores (all are in --json)")


def _print_lines(console: Console, frames: list[dict[str, Any]]) -> None:
    has_bonding, has_pores = "bonding" in frames[0], "pores" in frames[0]
    has_rings, has_sheets = "rings" in frames[0], "sheets" in frames[0]
    heads = ["frame", "atoms", "g/cm³"]
    if has_bonding:
        heads += ["sp %", "sp2 %", "sp3 %"]
    if has_rings:
        heads += ["rings", "hexagons %"]
    if has_sheets:
        heads += ["sheets", "layers"]
    if has_pores:
        heads += ["Di Å", "Df Å", "open cm³/g", "quasi-cl.", "closed", "fully cl.", "pores"]
    table = _table(*heads)
    for frame in frames:
        row = [str(frame["index"]), str(frame["n_atoms"]), _number(frame["density_g_cm3"], 3)]
        if has_bonding:
            row += [f"{100 * frame['bonding'][key]:.2f}" for key in ("sp", "sp2", "sp3")]
        if has_rings:
            share = frame["rings"]["hexagon_fraction"]
            row += [str(frame["rings"]["total"]), _NONE if share is None else f"{100 * share:.2f}"]
        if has_sheets:
            row += [str(frame["sheets"]["sheets"]), _number(frame["sheets"]["layers_mean"], 2)]
        if has_pores:
            pores = frame["pores"]
            row += [
                _number(pores["largest_included_sphere_A"], 2),
                _number(pores["largest_free_sphere_A"], 2),
                *(f"{entry['volume_cm3_g']:.4f}" for entry in pores["classes"].values()),
                str(len(pores["items"])),
            ]
        table.add_row(*row)
    console.print(table)
    if has_pores:
        console.print("  Di: largest included sphere, Df: largest free sphere; class volumes in cm³/g")


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 2), header_style="bold")
    for number, head in enumerate(heads):
        text = number == 0 or head in ("class", "network")
        table.add_column(head, justify="left" if text else "right", no_wrap=True)
    return table
