"""The reference cells: crystals, zeolites, ink bottles, disordered carbons."""

from __future__ import annotations

import json
import time
from typing import cast

import numpy as np
import pytest
from ase import Atoms
from ase.io import read

from carbonize import analyze

pytestmark = pytest.mark.shared

CELLS = (
    "sc_a8_2x2x2",
    "sc_a8_1atom",
    "fcc_a12",
    "bcc_a10",
    "diamond_a12_prim",
    "ink_bottle_four_necks",
    "iza_MFI_O",
    "iza_CHA_O",
    "iza_FAU_O",
    "iza_SOD_O",
    "iza_AFI_O",
    "carbon_c_N1000_r0.5",
    "carbon_c_N1000_r1.0",
    "carbon_c_N1000_r1.8",
    "carbon_c_N4000_r1.0",
    "carbon_r1.8_carved_R9",
    "graphite_slab_cavity_vacuum",
)


@pytest.fixture(scope="module")
def folder(shared_dir):
    folder = shared_dir / "reference" / "pores"
    if not (folder / "expected.json").is_file():
        pytest.skip(f"no reference cells at {folder}")
    return folder


@pytest.fixture(scope="module")
def expected(folder):
    return json.loads((folder / "expected.json").read_text())


def analysed(folder, expected, name):
    atoms = cast(Atoms, read(folder / f"{name}.extxyz"))
    probes = {"He": 2.6, "CO2": 3.3, "N2": 3.64, "EC": 5.7}
    if "p2p6" in expected[name]["network"]["volumes"]:
        probes["p2p6"] = 5.2
    element = atoms.get_chemical_symbols()[0]
    radii = {element: expected[name]["radius"]}
    return analyze(atoms, what="pores", radii=radii, probes=probes)["pores"]


@pytest.mark.parametrize("name", CELLS)
def test_spheres_volumes_and_areas_of_a_reference_cell(folder, expected, name):
    result = analysed(folder, expected, name)
    network = expected[name]["network"]
    assert result["largest_included_sphere_A"] == pytest.approx(network["Di"], abs=1e-4)
    assert result["largest_free_sphere_A"] == pytest.approx(network["Df"], abs=1e-4)
    for found, wanted in zip(result["largest_free_sphere_along_A"], network["Df_along_span"], strict=True):
        assert found == (None if wanted is None else pytest.approx(wanted, abs=1e-4))
    for probe, wanted in network["volumes"].items():
        found = result["probes"][probe]
        for key, short in (
            ("accessible_volume_A3", "AV"),
            ("inaccessible_volume_A3", "NAV"),
            ("accessible_area_A2", "ASA"),
            ("inaccessible_area_A2", "NASA"),
        ):
            assert found[key] == pytest.approx(wanted[short], rel=1e-4, abs=3e-3), (probe, key)


@pytest.mark.parametrize("name", [name for name in CELLS if name.startswith("iza")])
def test_zeolites_agree_with_the_structure_atlas(folder, expected, name):
    result = analysed(folder, expected, name)
    atlas = expected[name]["expected"]
    assert result["largest_included_sphere_A"] == pytest.approx(atlas["Di"], abs=atlas["tolerance"])
    assert result["largest_free_sphere_along_A"] == pytest.approx(atlas["Df_along"], abs=atlas["tolerance"])


def test_the_four_necks_of_the_ink_bottle(folder, expected):
    items = analysed(folder, expected, "ink_bottle_four_necks")["items"]
    wanted = expected["ink_bottle_four_necks"]["expected"]
    box = np.array([48.0, 48.0, 28.8])
    for name, center in wanted["cavity_centres"].items():
        offsets = np.array([item["center_A"] for item in items]) - center
        offsets -= box * np.round(offsets / box)
        pore = items[int(np.argmin(np.linalg.norm(offsets, axis=1)))]
        assert pore["class"] == wanted["classes"][name].replace(" ", "-")
        assert pore["diameter_A"] == pytest.approx(10.0, abs=1e-4)
        if wanted["necks"][name] is not None:
            assert pore["entrance_A"] == pytest.approx(wanted["necks"][name], abs=1e-3)


def test_a_sphere_carved_out_of_dense_carbon_is_fully_closed(folder, expected):
    result = analysed(folder, expected, "carbon_r1.8_carved_R9")
    assert result["items"][0]["class"] == "fully-closed"
    assert result["items"][0]["diameter_A"] >= 14.6


def test_four_thousand_atoms_with_four_probes_take_less_than_three_seconds(folder, expected):
    analysed(folder, expected, "sc_a8_1atom")  # compiles
    start = time.process_time()
    analysed(folder, expected, "carbon_c_N4000_r1.0")
    assert time.process_time() - start < 3.0
