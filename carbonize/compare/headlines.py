"""The quantities that protocols are compared by, chosen before anything is known of the results."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from carbonize.io.results import CLASS_NAMES

__all__ = ["Path", "Quantity", "known_quantities"]

Path = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Quantity:
    """One number of a replica.

    Attributes
    ----------
    name
        Its keys in comparison.json; with dots between them its name in ``differences``.
    source
        Its keys in an analysis record's frame; empty if it comes from elsewhere.
    label
        In a sentence: "more ... than".
    unit
        As shown; ``factor`` takes the number there.
    words
        Comparatives for a larger and a smaller one.
    digits
        After the point, as shown.
    headline
        Chosen beforehand as what protocols are compared by; others are looked at for hints.
    item
        Which number of a list, where the record has one.
    """

    name: Path
    source: Path
    label: str
    unit: str = ""
    factor: float = 1.0
    words: tuple[str, str] = ("a higher", "a lower")
    digits: int = 3
    headline: bool = True
    item: int = 0

    @property
    def raw_unit(self) -> str:
        """Unit of the number before ``factor``, in ASCII as in analysis.nc."""
        plain = {"points": "1", "": "1", "Å": "angstrom", "Å²": "angstrom2", "Å³": "angstrom3", "°": "degree"}
        return plain.get(self.unit, self.unit.replace("³", "3").replace("²", "2"))

    @property
    def dotted(self) -> str:
        """Name in one word.

        >>> Quantity(("class_volume_cm3_g", "closed"), (), "closed pore volume").dotted
        'class_volume_cm3_g.closed'
        """
        return ".".join(self.name)


_MORE, _COUNTED = ("more", "less"), ("more", "fewer")


def known_quantities(probes: Sequence[str]) -> list[Quantity]:
    """Every quantity with a name of its own, in the order in which they are shown."""
    rings, xrd, saxs = ("rings", "hexagon_fraction"), ("scattering", "xrd"), ("scattering", "saxs")
    pores = ("pores",)
    included, free = "largest_included_sphere_A", "largest_free_sphere_A"
    helium, closed = "helium_density_g_cm3", "closed_pore_volume_cm3_g"
    mean = (*pores, "pore_size_distribution", "mean_A")
    plateau = ("capacity", "plateau_mAh_g")
    return [
        _share(("sp2",), ("bonding", "sp2"), "sp²"),
        _share(("sp",), ("bonding", "sp"), "sp"),
        _share(("sp3",), ("bonding", "sp3"), "sp³"),
        _share(("dangling",), (), "dangling atoms", _COUNTED),
        _share(rings, rings, "hexagons among the rings", _COUNTED),
        Quantity(("density_g_cm3",), ("density_g_cm3",), "density", "g/cm³"),
        _length((included,), (*pores, included), "Di (widest cavity)"),
        _length((free,), (*pores, free), "Df (widest way through)"),
        *(
            _volume(
                ("class_volume_cm3_g", name),
                (*pores, "classes", name, "volume_cm3_g"),
                f"{_plain(name)} pore volume",
            )
            for name in CLASS_NAMES
        ),
        Quantity((helium,), (*pores, helium), "helium density", "g/cm³"),
        _volume((closed,), (*pores, closed), "pore volume closed to helium"),
        _length(("mean_pore_size_A",), mean, "mean pore size"),
        *(
            Quantity(("closing_temperature_K", probe), (), f"closing temperature to {probe}", "K", digits=0)
            for probe in probes
        ),
        Quantity(
            (*xrd, "d002_A"), (*xrd, "d002_A"), "layer spacing d002", "Å", words=("a wider", "a narrower")
        ),
        _length((*xrd, "Lc_A"), (*xrd, "Lc_A"), "stack height Lc"),
        _length((*xrd, "La_A"), (*xrd, "La_A"), "layer width La"),
        _length((*saxs, "R_A"), (*saxs, "R_A"), "pore radius by SAXS"),
        Quantity(plateau, plateau, "plateau capacity (estimate)", "mAh/g", digits=0, item=1),
        *_besides(probes),
    ]


def _besides(probes: Sequence[str]) -> list[Quantity]:
    """What follows from the headlines in good part: shown, but not what one decides by."""
    found = [
        _share(
            ("class_fraction", name),
            ("pores", "classes", name, "fraction"),
            f"{_plain(name)} share of the void",
        )
        for name in CLASS_NAMES
    ]
    for probe in probes:
        source = ("pores", "probes", probe, "accessible_area_m2_g")
        found.append(
            Quantity(
                ("accessible_area_m2_g", probe), source, f"area for {probe}", "m²/g", words=_MORE, digits=1
            )
        )
    found.append(Quantity(("potential_eV_per_atom",), (), "potential energy", "eV/atom", digits=4))
    return [dataclasses.replace(quantity, headline=False) for quantity in found]


def _share(name: Path, source: Path, label: str, words: tuple[str, str] = _MORE) -> Quantity:
    return Quantity(name, source, label, "points", 100.0, words, 2)


def _length(name: Path, source: Path, label: str) -> Quantity:
    return Quantity(name, source, label, "Å", words=("a larger", "a smaller"), digits=2)


def _volume(name: Path, source: Path, label: str) -> Quantity:
    return Quantity(name, source, label, "cm³/g", words=_MORE)


def _plain(name: str) -> str:
    return name.replace("fully-closed", "fully closed")
