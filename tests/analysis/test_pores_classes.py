"""Entrances and classes of pores in models with necks of known width."""

from __future__ import annotations

import pytest
from ase import Atoms
from ase.build import bulk
from pore_models import InkBottle, random_structure

from carbonize import analyze
from carbonize.config.models import ClassLimits
from carbonize.errors import InputError


def pores(atoms, **options):
    return analyze(atoms, what="pores", **options)["pores"]


@pytest.mark.parametrize(
    ("necks", "classes"),
    [
        ((6.0, 4.5, 3.0, 2.0), ("open", "quasi-closed", "closed", "fully-closed")),
        ((3.31, 3.29, 2.61, 2.59), ("quasi-closed", "closed", "closed", "fully-closed")),
        ((5.71, 5.69, 3.64, None), ("open", "quasi-closed", "quasi-closed", "fully-closed")),
    ],
)
def test_a_cavity_has_the_class_of_its_neck(necks, classes):
    model = InkBottle(necks)
    result = pores(model.atoms)
    assert result["largest_free_sphere_along_A"][:2] == [None, None]
    assert result["largest_free_sphere_A"] == pytest.approx(model.channel_diameter, abs=1e-4)
    assert result["largest_included_sphere_A"] == pytest.approx(model.cavity_diameter, abs=1e-4)
    for center, neck, class_name in zip(model.cavities, necks, classes, strict=True):
        pore = model.item_at(result["items"], center)
        assert pore["class"] == class_name
        assert pore["diameter_A"] == pytest.approx(model.cavity_diameter, abs=1e-3)
        if neck is not None:
            assert pore["entrance_A"] == pytest.approx(neck, abs=1e-3)
            nearest = min(abs(neck - limit) for limit in (5.7, 3.3, 2.6))
            assert pore["margin_A"] == pytest.approx(nearest, abs=1e-3)
        elif pore["entrance_A"] is not None:
            assert pore["entrance_A"] < 1.0  # a crack in the filler at most


def test_what_a_probe_reaches_follows_from_the_necks():
    model = InkBottle((6.0, 4.5, 3.0, 2.0))
    result = pores(model.atoms)
    by_class = {name: entry["volume_A3"] for name, entry in result["classes"].items()}
    he, co2, ec = (result["probes"][name] for name in ("He", "CO2", "EC"))
    assert he["inaccessible_volume_A3"] == pytest.approx(by_class["fully-closed"], rel=1e-9)
    assert by_class["closed"] > 100
    # CO2 cannot enter the cavities behind the necks of 3 and 2 A; EC not the one of 4.5 either
    assert co2["inaccessible_volume_A3"] > 100
    assert ec["inaccessible_volume_A3"] > 0 and ec["accessible_volume_A3"] > 0


def test_without_any_winding_void_every_pore_is_fully_closed_and_no_sphere_is_free():
    model = InkBottle((6.0, 4.5, 3.0, 2.0), plugged=True)
    result = pores(model.atoms)
    assert result["largest_free_sphere_A"] is None
    assert result["largest_free_sphere_along_A"] == [None, None, None]
    assert result["classes"]["fully-closed"]["fraction"] == pytest.approx(1.0)
    assert all(item["entrance_A"] is None and item["margin_A"] is None for item in result["items"])
    assert result["probes"]["He"]["accessible_volume_A3"] == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_pore_and_class_volumes_add_up_to_the_void_of_helium(seed):
    result = pores(random_structure(60, seed, volume_per_atom=25 + 6 * seed))
    he = result["probes"]["He"]
    void = he["accessible_volume_A3"] + he["inaccessible_volume_A3"]
    assert sum(item["volume_A3"] for item in result["items"]) == pytest.approx(void, rel=1e-9)
    classes = result["classes"]
    assert sum(entry["volume_A3"] for entry in classes.values()) == pytest.approx(void, rel=1e-9)
    assert classes["fully-closed"]["volume_A3"] == pytest.approx(
        he["inaccessible_volume_A3"], rel=1e-9, abs=1e-9
    )
    assert sum(entry["fraction"] for entry in classes.values()) == pytest.approx(1.0)
    for item in result["items"]:
        assert item["diameter_A"] >= 2.6
        assert item["entrance_A"] is None or item["entrance_A"] <= item["diameter_A"] + 1e-9
        assert item["volume_A3"] > 0


def test_pores_are_numbered_from_the_largest():
    items = pores(random_structure(60, 2, volume_per_atom=40))["items"]
    assert [item["id"] for item in items] == list(range(len(items)))
    volumes = [item["volume_A3"] for item in items]
    assert volumes == sorted(volumes, reverse=True)


def test_a_demand_for_more_persistence_leaves_fewer_pores_and_the_same_void():
    atoms = random_structure(80, 4, volume_per_atom=40)
    results = [pores(atoms, persistence_A=height) for height in (0, 0.1, 0.5, 5.0)]
    counts = [len(result["items"]) for result in results]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    voids = [sum(item["volume_A3"] for item in result["items"]) for result in results]
    assert voids == pytest.approx([voids[0]] * 4, rel=1e-9)


def test_other_class_limits_move_pores_between_classes():
    atoms = bulk("C", "sc", a=8.0, cubic=True)  # windows of 7.91 A
    assert pores(atoms)["classes"]["open"]["count"] == 1
    limits = ClassLimits(open_A=8.0, quasi_closed_A=7.0, closed_A=3.0)
    assert pores(atoms, class_limits=limits)["classes"]["quasi-closed"]["count"] == 1


def test_helium_of_another_size_defines_the_void_that_is_split():
    atoms = random_structure(60, 2, volume_per_atom=40)
    small = pores(atoms, probes={"He": 2.0})
    he = small["probes"]["He"]
    assert sum(item["volume_A3"] for item in small["items"]) == pytest.approx(
        he["accessible_volume_A3"] + he["inaccessible_volume_A3"], rel=1e-9
    )
    without = pores(atoms, probes={"CO2": 3.3})
    assert list(without["probes"]) == ["CO2"]
    for one, other in zip(without["items"], pores(atoms)["items"], strict=True):
        assert {**one, "probes": None} == {**other, "probes": None}


def test_a_smaller_atom_radius_widens_everything_by_its_diameter():
    atoms = bulk("C", "sc", a=8.0, cubic=True)
    wide, narrow = pores(atoms, radii={"C": 1.5}), pores(atoms)
    for key in ("largest_included_sphere_A", "largest_free_sphere_A"):
        assert wide[key] - narrow[key] == pytest.approx(0.4, abs=1e-9)


def test_elements_with_different_radii_are_analysed():
    atoms = bulk("NaCl", "rocksalt", a=9.0)
    assert pores(atoms)["items"]
    assert pores(atoms, radii={"Na": 1.7, "Cl": 1.7})["items"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radii": {"C": 0}}, "radius"),
        ({"radii": {"C": -1.7}}, "radius"),
        ({"radii": {"C": float("nan")}}, "radius"),
        ({"radii": {"Qq": 1.0}}, "not a chemical element"),
        ({"probes": {"He": -2.6}}, "probe He"),
        ({"probes": {"He": float("nan")}}, "probe He"),
        ({"probes": {}}, "no probes"),
        ({"persistence_A": -0.1}, "persistence"),
        ({"what": "porse"}, "did you mean 'pores'"),
        ({"what": []}, "nothing to analyse"),
    ],
)
def test_impossible_arguments_are_refused_in_one_line(options, message):
    with pytest.raises(InputError, match=message) as caught:
        analyze(bulk("C"), **options)
    assert "\n" not in str(caught.value)


def test_an_element_without_a_radius_is_named():
    with pytest.raises(InputError, match="Fe"):
        pores(Atoms("Fe", cell=[5, 5, 5], pbc=True))
