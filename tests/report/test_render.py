"""Pictures, with OVITO and without."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from matplotlib.colors import to_rgb
from matplotlib.image import imread

import carbonize
from carbonize.errors import InputError
from carbonize.report import canvas
from carbonize.report.render import render_atoms
from carbonize.report.scene import View, build_scene
from carbonize.report.style import BONDING_COLORS, CLASS_COLORS

PORE = {"class": "closed", "center_A": [5.0, 5.0, 5.0], "diameter_A": 4.0}


@pytest.fixture
def diamond() -> Atoms:
    return bulk("C", cubic=True, a=3.567) * (3, 3, 3)


def _drawn(path: Path) -> np.ndarray:
    """Which pixels are not the white background."""
    return np.asarray(imread(path))[..., :3].min(axis=-1) < 0.95


def test_without_ovito_the_picture_is_still_drawn_and_says_so(
    diamond: Atoms, tmp_path: Path, without_ovito: None
) -> None:
    picture = render_atoms(diamond, tmp_path / "a.png", (320, 240), pores=[PORE])
    assert picture.renderer == "matplotlib"
    assert "OVITO is not installed" in picture.note
    assert imread(picture.path).shape[:2] == (240, 320)
    assert _drawn(picture.path).mean() > 0.05


def test_a_failing_ovito_names_the_debian_packages(
    diamond: Atoms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def program(*_: Any, **options: Any) -> subprocess.Popen[bytes]:
        code = "raise RuntimeError('no Vulkan')"
        return started([sys.executable, "-c", code], **options)

    started = subprocess.Popen
    monkeypatch.setattr(canvas, "has_ovito", lambda: True)
    monkeypatch.setattr(canvas.subprocess, "Popen", program)
    picture = render_atoms(diamond, tmp_path / "a.png", (200, 200))
    assert picture.renderer == "matplotlib"
    assert "libvulkan1" in picture.note and "no Vulkan" in picture.note


@pytest.mark.skipif(importlib.util.find_spec("ovito") is None, reason="OVITO is not installed")
def test_ovito_draws_without_a_word(
    diamond: Atoms, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    picture = render_atoms(diamond, tmp_path / "a.png", (300, 300), view=View(slab_A=5.0))
    if picture.renderer != "ovito":
        pytest.skip(picture.note)
    assert _drawn(picture.path).mean() > 0.05
    assert capfd.readouterr() == ("", "")


def test_atoms_have_the_colour_of_their_neighbour_count(diamond: Atoms) -> None:
    scene = build_scene(diamond, view=View(slab_A=1.0))
    frontmost = np.argmin(scene.spheres @ scene.direction)
    # depth makes colours paler, never of another hue: the order of the channels stays
    assert list(np.argsort(scene.colors[frontmost])) == list(np.argsort(to_rgb(BONDING_COLORS["sp3"])))
    assert len(scene.spheres) < len(diamond)


def test_coordination_that_comes_with_the_frame_is_used(diamond: Atoms) -> None:
    diamond.arrays["coordination"] = np.full(len(diamond), 3)
    scene = build_scene(diamond)
    assert list(np.argsort(scene.colors[0])) == list(np.argsort(to_rgb(BONDING_COLORS["sp2"])))


def test_pores_are_balls_of_their_diameter_and_class(diamond: Atoms) -> None:
    scene = build_scene(diamond, pores=[PORE])
    assert scene.radii[-1] == pytest.approx(2.0)
    np.testing.assert_allclose(scene.colors[-1], to_rgb(CLASS_COLORS["closed"]))
    np.testing.assert_allclose(scene.spheres[-1], PORE["center_A"])


def test_the_view_moves_its_centre_to_the_middle(diamond: Atoms) -> None:
    pore = {**PORE, "center_A": [0.3, 10.4, 0.2]}
    centre = np.linalg.solve(diamond.cell.array.T, pore["center_A"])
    scene = build_scene(diamond, pores=[pore], view=View(tuple(centre)))
    np.testing.assert_allclose(scene.spheres[-1], scene.middle, atol=1e-9)


def test_a_bond_is_half_of_each_of_its_atoms(diamond: Atoms) -> None:
    scene = build_scene(diamond)
    assert len(scene.sticks) == 4 * len(diamond)
    lengths = np.linalg.norm(scene.sticks[:, 1] - scene.sticks[:, 0], axis=1)
    np.testing.assert_allclose(lengths, 0.5 * 3.567 * np.sqrt(3) / 4)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"size": (0, 0)}, "width and height"), ({"slab_A": -1.0}, "thickness"), ({"dpi": 5}, "dpi 5")],
)
def test_a_picture_that_cannot_be_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        carbonize.render(bulk("C", cubic=True), **options)
    with pytest.raises(InputError, match="got a int"):
        carbonize.render(3)  # type: ignore[arg-type]


def test_a_cell_without_volume_is_refused() -> None:
    with pytest.raises(ValueError, match="volume"):
        build_scene(Atoms("C"))
