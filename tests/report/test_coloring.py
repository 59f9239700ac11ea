"""Colours of atoms, and the legend that says what they mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene, molecule
from PIL import Image

import carbonize
from carbonize.errors import InputError
from carbonize.report.coloring import color_atoms
from carbonize.report.legend import Course, Legend, atom_legend, legend_height, write_legend
from carbonize.report.shots import Look, take_shot


def shares(atoms: Atoms, how: str) -> dict[str, float]:
    found = color_atoms(atoms, how, 1.85)
    return {
        label: float(np.mean(found.kind == i))
        for i, label in enumerate(found.labels)
        if (found.kind == i).any()
    }


def in_cell(name: str) -> Atoms:
    atoms = molecule(name)
    atoms.set_cell([14, 14, 14])
    atoms.pbc = True
    return atoms


def test_hybridisation_is_the_number_of_neighbours() -> None:
    assert shares(bulk("C", cubic=True), "hybridisation") == {"sp³ (4 neighbours)": 1.0}
    assert shares(in_cell("C60"), "hybridisation") == {"sp² (3 neighbours)": 1.0}
    assert shares(bulk("C", "fcc", a=2.4), "hybridisation") == {"5 or more neighbours": 1.0}


def test_elements_are_told_apart_and_none_is_white_on_white() -> None:
    assert shares(in_cell("CH4"), "element") == {"H": 0.8, "C": 0.2}
    colors = [
        np.array(Image.new("RGB", (1, 1), c).getpixel((0, 0)))
        for c in color_atoms(in_cell("CH4"), "element", 1.85).colors
    ]
    assert max(c.min() for c in colors) < 230


def test_pentagons_and_heptagons_stand_out_among_hexagons() -> None:
    sheet = graphene(size=(6, 6, 1), vacuum=6.0)
    sheet.pbc = True
    assert shares(sheet, "ring") == {"hexagon": 1.0}
    assert shares(in_cell("C60"), "ring") == {"pentagon": 1.0}
    chain = Atoms("C4", [[1.4 * k, 7, 7] for k in range(4)], cell=[14, 14, 14], pbc=True)
    assert shares(chain, "ring") == {"no ring": 1.0}
    # a Stone-Wales bond makes two pentagons and two heptagons; the four atoms of a heptagon that
    # are in no pentagon show it: 2 heptagons of 7 atoms, two shared, and each pentagon shares four
    found = shares(stone_wales(sheet), "ring")
    assert found["pentagon"] * len(sheet) == pytest.approx(10)
    assert found["heptagon"] * len(sheet) == pytest.approx(6)


def stone_wales(sheet: Atoms) -> Atoms:
    """The sheet with one bond turned by a right angle, its surroundings moved to make room."""
    turned = sheet.copy()
    middle = np.array(sheet.cell.array[0] + sheet.cell.array[1]) / 2
    first = int(np.argmin(np.linalg.norm((sheet.positions - middle)[:, :2], axis=1)))
    distances = sheet.get_distances(first, range(len(sheet)), mic=True)
    second = int(np.argsort(distances)[1])
    bond = sheet.get_distance(first, second, mic=True, vector=True)
    centre = sheet.positions[first] + bond / 2
    across = np.array([-bond[1], bond[0], 0.0]) / np.linalg.norm(bond)
    # neighbours move away along the new bond, so that each end keeps one of either side
    for atom in (first, second):
        turned.positions[atom] = centre + (1 if atom == first else -1) * 0.66 * across
    for atom in range(len(sheet)):
        if atom in (first, second):
            continue
        offset = sheet.positions[atom] - centre
        if np.linalg.norm(offset[:2]) < 2.0:
            turned.positions[atom] += 0.35 * np.sign(offset @ across) * across
    return turned


def test_an_unknown_colouring_is_refused() -> None:
    with pytest.raises(InputError, match="known: hybridisation, ring, element"):
        color_atoms(in_cell("C60"), "charge", 1.85)


def test_pores_stay_grey_unless_a_colour_is_asked_for() -> None:
    atoms = bulk("C", "sc", a=7.0) * (2, 2, 2)
    grey, colored = (
        take_shot(atoms, Look(pores=True)),
        take_shot(atoms, Look(pores=True, color="hybridisation")),
    )
    assert np.ptp(grey.scene.colors, axis=1).max() < 0.1
    assert np.ptp(colored.scene.colors, axis=1).max() > 0.1
    assert any("dangling" in name for _, name, _ in colored.legend.entries)


def test_letters_are_large_enough_for_print_and_the_legend_holds_them() -> None:
    legend = atom_legend(color_atoms(in_cell("C60"), "hybridisation", 1.85))
    low, high = (legend_height(legend, (1000, 1000), dpi) for dpi in (None, 300))
    assert high > low
    assert legend_height(legend, (200, 200), 1200) <= 100


def test_the_clock_moves_along_the_temperature(tmp_path: Path) -> None:
    times, kelvin = np.linspace(0, 10, 50), np.linspace(300, 3000, 50)
    reds = []
    for now in (1.0, 9.0):
        path = tmp_path / f"{now}.png"
        Image.new("RGB", (600, 500), "white").save(path)
        legend = Legend("", (), f"{now} ps", Course(times, kelvin, (now, 300 + 270 * now)))
        write_legend(path, legend, (600, 600), 10.0)
        with Image.open(path) as image:
            assert image.size == (600, 600)
            pixels = np.asarray(image.convert("RGB"), int)
        red = (pixels[..., 0] - pixels[..., 2] > 80) & (pixels[..., 0] - pixels[..., 1] > 80)
        reds.append(np.flatnonzero(red.any(axis=0)).max())
    assert reds[1] - reds[0] > 100


def test_a_notebook_gets_the_picture_and_a_script_the_file(tmp_path: Path, without_ovito: None) -> None:
    atoms = in_cell("C60")
    image = carbonize.render(atoms, size=(240, 300))
    assert image.size == (240, 300)
    written = carbonize.render([atoms, atoms], tmp_path / "a.png", size=(200, 220), frame=0, dpi=150)
    with Image.open(written) as again:
        assert again.size == (200, 220)
        assert again.info["dpi"][0] == pytest.approx(150, abs=0.1)
        assert "sp² (3 neighbours) 100.0 %" in again.info["Description"]
    frames = [in_cell(name) for name in ("C60", "CH4", "C6H6")]  # equal ones would be merged
    movie = carbonize.render(frames, tmp_path / "a.gif", size=(160, 200))
    with Image.open(movie) as opened:
        assert getattr(opened, "n_frames", 1) == 3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"out": "a.jpg"}, ".png"),
        ({"frame": 7}, "no frame 7"),
        ({"color": "x"}, "colouring"),
        ({"classes": "x"}, "class"),
    ],
)
def test_what_cannot_be_drawn_is_one_clear_line(options: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        carbonize.render([in_cell("C60")], **options)
    assert "\n" not in str(caught.value)
