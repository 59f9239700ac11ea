"""What is embedded for the browser: the right atoms in the right places, and not too much."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from ase import Atoms
from ase.io import read

from carbonize.analysis.pores.classify import class_totals
from carbonize.analysis.pores.survey import PoreSurvey
from carbonize.config.models import AnalysisConfig
from carbonize.report import view3d
from carbonize.report.shots import find_void, in_box
from carbonize.report.style import CLASS_COLORS, CLASS_LABELS
from carbonize.report.view3d import View3D, build_view3d, library

ROOT = Path(__file__).resolve().parents[2]
ANALYSIS = AnalysisConfig()


@pytest.fixture(scope="module")
def carbon() -> tuple[Atoms, PoreSurvey]:
    atoms = read(ROOT / "structures" / "precursor-500.extxyz")
    assert isinstance(atoms, Atoms)
    return in_box(atoms), find_void(atoms, ANALYSIS)


def objects(view: View3D) -> list[dict[str, Any]]:
    return msgpack.unpackb(zlib.decompress(view.data), strict_map_key=False)["objects"]


def array(packed: dict[str, Any]) -> np.ndarray:
    """A typed array as K3D packs it."""
    data = packed["data"] if "data" in packed else zlib.decompress(packed["compressed_data"])
    return np.frombuffer(data, packed["dtype"]).reshape(packed["shape"])


def named(view: View3D, name: str) -> list[dict[str, Any]]:
    return [item for item in objects(view) if item["name"] == name]


def test_every_atom_is_there_with_its_colour_and_inside_the_cell(carbon: tuple[Atoms, PoreSurvey]) -> None:
    atoms, found = carbon
    view = build_view3d(atoms, found, ANALYSIS)
    [balls] = named(view, "atoms")
    points = array(balls["positions"])
    assert points.shape == (500, 3)
    inside = points @ np.linalg.inv(atoms.cell.array)
    assert inside.min() > -1e-4 and inside.max() < 1 + 1e-4
    distances = np.linalg.norm(points[None, :50] - points[:50, None], axis=-1)
    bonded = (distances > 0) & (distances < 1.85)
    assert bonded.any()  # a picture of the same structure, not of a shuffled one
    assert len(array(balls["colors"])) == 500
    assert "500 atoms" in view.caption


def test_there_is_a_layer_for_each_class_that_has_a_pore(carbon: tuple[Atoms, PoreSurvey]) -> None:
    atoms, found = carbon
    view = build_view3d(atoms, found, ANALYSIS)
    totals = class_totals(found.pores, 1.0)
    there = [name for name in CLASS_COLORS if totals[name]["count"]]
    assert [layer.label for layer in view.layers] == [
        "atoms",
        "bonds",
        *(f"{CLASS_LABELS[n]} pores" for n in there),
    ]
    numbers = {item["id"] for item in objects(view)}
    switched = [number for layer in view.layers for number in layer.objects]
    assert len(switched) == len(set(switched)) and set(switched) < numbers


def test_the_centre_comes_to_lie_in_the_middle(carbon: tuple[Atoms, PoreSurvey]) -> None:
    atoms, found = carbon
    cell = atoms.cell.array
    centre = np.linalg.solve(cell.T, atoms.positions[7])
    points = array(named(build_view3d(atoms, found, ANALYSIS, tuple(centre)), "atoms")[0]["positions"])
    np.testing.assert_allclose(points[7], cell.sum(axis=0) / 2, atol=1e-4)


def test_of_many_atoms_a_slice_is_embedded_and_the_caption_says_so(
    carbon: tuple[Atoms, PoreSurvey], monkeypatch: pytest.MonkeyPatch
) -> None:
    atoms, found = carbon
    monkeypatch.setattr(view3d, "MOST_ATOMS", 200)
    view = build_view3d(atoms, found, ANALYSIS)
    points = array(named(view, "atoms")[0]["positions"])
    assert 195 <= len(points) <= 200
    height = atoms.cell.lengths()[2]
    assert np.abs(points[:, 2] - height / 2).max() < 0.35 * height
    assert f"{len(points)} of the 500 atoms" in view.caption and "slice" in view.caption


def test_surfaces_are_made_coarser_until_they_are_small(
    carbon: tuple[Atoms, PoreSurvey], monkeypatch: pytest.MonkeyPatch
) -> None:
    atoms, found = carbon

    def count() -> int:
        view = build_view3d(atoms, found, ANALYSIS)
        return sum(len(array(item["indices"])) for item in objects(view) if item["type"] == "Mesh")

    full = count()
    monkeypatch.setattr(view3d, "MOST_TRIANGLES", full // 2)
    assert 0 < count() <= full // 2


def test_pores_without_a_survey_are_balls(carbon: tuple[Atoms, PoreSurvey]) -> None:
    atoms, _ = carbon
    pore = {"class": "closed", "center_A": [5.0, 5.0, 5.0], "diameter_A": 4.0}
    view = build_view3d(atoms, None, ANALYSIS, items=[pore])
    [ball] = named(view, "closed")
    np.testing.assert_allclose(array(ball["positions"]), [[5.0, 5.0, 5.0]], atol=1e-5)
    np.testing.assert_allclose(array(ball["point_sizes"]), [4.0])
    assert "balls" in view.caption


def test_the_library_is_javascript_and_small_enough_to_mail() -> None:
    assert b"CreateK3DAndLoadBinarySnapshot" in zlib.decompress(library())
    assert len(library()) < 1_500_000
