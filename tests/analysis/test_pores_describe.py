"""Necks, walls, shape, margin and place of each pore; channels and pockets of each probe."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
from ase.build import bulk, molecule
from pore_models import InkBottle, graphite_slab, random_structure
from scipy.spatial import KDTree
from void_models import CavityRow, capsule, with_cavities

from carbonize import analyze
from carbonize.analysis.pores.moments import void_moments
from carbonize.analysis.pores.necks import find_ways_out, necks_of
from carbonize.analysis.pores.thoroughfares import find_thoroughfares
from carbonize.analysis.pores.void import find_void
from carbonize.analysis.pores.windows import window_areas


def pores(atoms, **options):
    return analyze(atoms, what="pores", **options)["pores"]


# --- necks -------------------------------------------------------------------------------


def test_each_neck_of_the_ink_bottle_is_the_one_neck_of_its_cavity():
    model = InkBottle((6.0, 4.5, 3.0, 2.0))
    items = pores(model.atoms)["items"]
    for center, neck in zip(model.cavities, (6.0, 4.5, 3.0, 2.0), strict=True):
        pore = model.item_at(items, center)
        assert pore["necks_A"] == pytest.approx([neck], abs=1e-3)
        assert pore["winding"] == ("isolated" if neck == 2.0 else "dead-end")
        assert pore["probes"] == [
            name for name, width in (("He", 2.6), ("CO2", 3.3), ("N2", 3.64), ("EC", 5.7)) if neck > width
        ]
    channel = next(item for item in items if item["winding"] == "through")
    assert channel["necks_A"] == pytest.approx([model.channel_diameter], abs=1e-3)


@pytest.mark.parametrize("necks", [(3.0, 4.5), (5.0, 4.5, 3.5), (3.0, 4.5, 2.8)])
def test_necks_in_a_row_are_met_from_the_pore_outward_and_the_smallest_is_the_entrance(necks):
    model = CavityRow(necks)
    for number, pore in enumerate(model.items(pores(model.atoms)["items"])):
        assert pore["necks_A"] == pytest.approx(necks[number::-1], abs=1e-3)
        assert min(pore["necks_A"]) == pytest.approx(pore["entrance_A"], abs=1e-5)
        assert pore["winding"] == "dead-end"


@pytest.mark.parametrize(("last", "place"), [(3.0, "through"), (2.4, "dead-end")])
def test_a_row_of_cavities_is_a_thoroughfare_if_helium_gets_out_at_its_other_end(last, place):
    model = CavityRow((5.0, 4.5), last)
    result = pores(model.atoms)
    assert [pore["winding"] for pore in model.items(result["items"])] == [place, place]
    assert result["probes"]["He"]["channel_dimensionality"] == (2 if place == "through" else 1)
    assert result["largest_free_sphere_along_A"][0] == pytest.approx(last, abs=1e-3)


def test_nothing_leads_out_of_a_pore_without_outside():
    model = InkBottle((6.0, 3.0), plugged=True)
    for item in pores(model.atoms)["items"]:
        assert item["necks_A"] == [] and item["probes"] == [] and item["winding"] == "isolated"
        assert item["volume_margin"] == 1.0


@pytest.mark.parametrize("seed", range(6))
def test_the_smallest_neck_is_the_entrance_in_any_structure(seed):
    for item in pores(random_structure(80, seed, volume_per_atom=20 + 5 * seed))["items"]:
        if item["entrance_A"] is None:
            assert item["necks_A"] == []
        else:
            assert min(item["necks_A"]) == pytest.approx(item["entrance_A"], abs=5e-5)


def test_necks_of_a_loop_with_a_branch():
    # a ring of the pores 0, 1, 2 (narrowest between 2 and 0, where it winds), and 3 - 4 beside pore 1
    first, second = np.array([0, 1, 1, 3, 0]), np.array([1, 2, 3, 4, 2])
    width, role = np.array([2.0, 1.9, 1.8, 1.7, 1.0]), np.array([1, 1, 1, 1, 2])
    ways = find_ways_out(6, first, second, width, role)
    pore = np.arange(6)

    def necks(node, entrance):
        return necks_of(node, ways, pore, entrance).tolist()

    assert necks(0, 1.0) == [1.0]  # across the end of the loop at once, not all the way round
    assert necks(1, 1.0) == [2.0, 1.0]
    assert necks(4, 1.0) == [1.7, 1.8, 2.0, 1.0]
    assert necks(5, 0.0) == []  # nothing leads there
    merged = np.array([0, 1, 2, 1, 4, 5])  # 3 is a part of pore 1, which it is joined to by a narrow place
    assert necks_of(4, ways, merged, 1.0).tolist() == [1.7, 2.0, 1.0]


def test_a_branch_ends_where_it_meets_a_wider_loop():
    first, second = np.array([0, 0, 2]), np.array([1, 1, 1])
    ways = find_ways_out(3, first, second, np.array([2.0, 1.5, 0.9]), np.array([1, 2, 1]))
    assert necks_of(2, ways, np.arange(3), 0.9).tolist() == [0.9]
    in_one = np.array([0, 1, 1])  # the narrowest place counts even inside a pore
    assert necks_of(2, ways, in_one, 0.9).tolist() == [0.9]


# --- the winding network -----------------------------------------------------------------


def through(count, contacts):
    pairs = np.array([pair for pair, _ in contacts]).reshape(-1, 2)
    shifts = np.array([shift for _, shift in contacts]).reshape(-1, 3)
    return find_thoroughfares(count, pairs, shifts).tolist()


def test_a_dead_end_is_what_hangs_on_one_pore_of_the_winding_network():
    here, image = (0, 0, 0), (1, 0, 0)
    ring = [((0, 1), here), ((1, 2), here), ((0, 2), image)]
    assert through(3, ring) == [True] * 3
    assert through(3, [((0, 1), here), ((1, 2), here), ((0, 2), here)]) == [False] * 3
    assert through(5, [*ring, ((2, 3), here), ((3, 4), here)]) == [True] * 3 + [False] * 2
    # a loop that does not wind is a dead end too
    assert through(5, [*ring, ((2, 3), here), ((3, 4), here), ((2, 4), here)]) == [True] * 3 + [False] * 2
    # what joins two winding parts is none
    both = [((0, 0), image), ((0, 1), here), ((1, 2), here), ((2, 2), image), ((1, 3), here)]
    assert through(4, both) == [True, True, True, False]
    assert through(2, [((0, 1), here), ((0, 1), image)]) == [True, True]
    assert through(2, []) == [False, False]


# --- channels and pockets ----------------------------------------------------------------


def counts(result, name="He"):
    probe = result["probes"][name]
    assert probe["channels"] == len(probe["channel_dimensionalities"])
    assert probe["channel_dimensionality"] == max(probe["channel_dimensionalities"], default=0)
    return probe["channel_dimensionalities"], probe["pockets"]


def test_a_lattice_of_cages_with_wide_windows_is_one_channel_in_three_dimensions():
    result = pores(bulk("C", "sc", a=8.0, cubic=True), probes={"He": 2.6, "wide": 7.9, "wider": 7.92})
    assert counts(result) == ([3], 0)
    assert counts(result, "wide") == ([3], 0)
    assert counts(result, "wider") == ([], 1)
    assert counts(pores(bulk("C", "sc", a=8.0, cubic=True).repeat(2), probes={"wider": 7.92}), "wider") == (
        [],
        8,
    )


def test_a_slit_leads_in_two_dimensions():
    slab = graphite_slab(gap=12.0)
    assert counts(pores(slab)) == ([2], 0)
    slab.pbc = (True, True, False)  # around it is vacuum, of any width
    assert counts(pores(slab)) == ([2], 0)
    turned = slab.copy()
    turned.pbc = True
    turned.set_cell(slab.cell.array[[2, 0, 1]])
    assert counts(pores(turned)) == ([2], 0)


def test_a_tube_leads_in_one_dimension_and_its_copies_are_counted_each():
    model = CavityRow((2.0,))
    assert counts(pores(model.atoms), "CO2") == ([1], 1)
    assert counts(pores(model.atoms.repeat((2, 1, 1))), "CO2") == ([1, 1], 2)
    assert counts(pores(model.atoms.repeat((1, 1, 2))), "CO2") == ([1], 2)


def test_isolated_cavities_are_pockets():
    result = pores(with_cavities((9, 6, 6), [(8, 10.8, 10.8), (24, 10.8, 10.8)]))
    for name in ("He", "CO2", "N2", "EC"):
        assert counts(result, name) == ([], 2)


def test_around_a_molecule_is_one_channel_without_direction():
    assert counts(pores(molecule("C60"))) == ([0], 1)


def test_areas_and_volumes_per_gram_are_those_of_the_cell_over_its_mass():
    atoms = random_structure(60, 2, volume_per_atom=40)
    grams = atoms.get_masses().sum() * 1.66053906660e-24
    for probe in pores(atoms)["probes"].values():
        for reach in ("accessible", "inaccessible"):
            area, volume = probe[f"{reach}_area_A2"], probe[f"{reach}_volume_A3"]
            assert probe[f"{reach}_area_m2_g"] == pytest.approx(area * 1e-20 / grams, rel=1e-9)
            assert probe[f"{reach}_volume_cm3_g"] == pytest.approx(volume * 1e-24 / grams, rel=1e-9)


# --- walls, windows and shape ------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_walls_of_the_pores_add_up_to_the_surface_of_helium_s_void(seed):
    result = pores(random_structure(60, seed, volume_per_atom=25 + 6 * seed))
    he = result["probes"]["He"]
    surface = he["accessible_area_A2"] + he["inaccessible_area_A2"]
    assert sum(item["area_A2"] for item in result["items"]) == pytest.approx(surface, abs=1e-4)
    for item in result["items"]:
        whole = item["area_A2"] + item["window_area_A2"]
        round_surface = pi ** (1 / 3) * (6 * item["volume_A3"]) ** (2 / 3)
        assert item["sphericity"] == pytest.approx(round_surface / whole)
        assert 0 < item["sphericity"] <= 1.001


@pytest.mark.parametrize("copies", [1, 2])
def test_the_cage_of_a_cubic_lattice_is_known_exactly(copies):
    side, radius = 8.0, 3.0
    items = pores(bulk("C", "sc", a=side, cubic=True).repeat(copies))["items"]
    assert len(items) == copies**3
    ball = 4 / 3 * pi * radius**3
    volume = side**3 - ball
    # int x^2 over the cube, minus that over the eight octants of a ball at its corners
    octants = side**2 / 4 * ball - side * 8 * pi * radius**4 / 16 + 4 * pi * radius**5 / 15
    square = (side**5 / 12 - octants) / volume
    for item in items:
        assert item["window_area_A2"] == pytest.approx(6 * (side**2 - pi * radius**2), rel=1e-5)
        assert item["gyration_eigenvalues_A2"] == pytest.approx([square] * 3, rel=1e-3)
        surface = 4 * pi * radius**2 + 6 * (side**2 - pi * radius**2)
        assert item["sphericity"] == pytest.approx(
            pi ** (1 / 3) * (6 * volume) ** (2 / 3) / surface, rel=1e-4
        )
        assert item["necks_A"] == pytest.approx([side * 2**0.5 - 3.4], abs=1e-4)
        assert item["winding"] == "through"


def test_a_round_cavity_is_round():
    [item] = pores(with_cavities((7, 7, 7), [(12.6, 12.6, 12.6)], radius=7.0))["items"]
    assert 0.98 < item["sphericity"] <= 1.0
    assert item["window_area_A2"] == 0.0
    radius2 = (3 * item["volume_A3"] / (4 * pi)) ** (2 / 3)
    assert item["gyration_eigenvalues_A2"] == pytest.approx([radius2 / 5] * 3, rel=2e-3)


def test_shape_and_volume_of_a_capsule_agree_with_random_points():
    atoms = capsule()
    [item] = pores(atoms)["items"]
    middle = atoms.cell.lengths() / 2
    random = np.random.default_rng(3)
    points = middle + random.uniform(-8.5, 8.5, (400_000, 3))
    inside = points[KDTree(atoms.positions).query(points, distance_upper_bound=3.001)[0] > 3.0] - middle
    expected = np.linalg.eigvalsh(np.cov(inside.T))[::-1]
    assert item["volume_A3"] == pytest.approx(len(inside) / len(points) * 17.0**3, rel=0.02)
    assert item["gyration_eigenvalues_A2"] == pytest.approx(expected, rel=0.02)
    # a cylinder of length L with half-spheres of radius R, whose wall has bumps
    length, radius = 10.0, 4.2 - 1.3
    caps, tube = 4 / 3 * pi * radius**3, pi * radius**2 * length
    moment = tube * length**2 / 12 + caps * (length**2 / 4 + 3 / 8 * length * radius + radius**2 / 5)
    assert item["gyration_eigenvalues_A2"][0] == pytest.approx(moment / (caps + tube), rel=0.03)
    assert 0.78 < item["sphericity"] < 0.86  # 0.82 if it were smooth


@pytest.mark.parametrize("seed", range(4))
def test_moments_have_the_volume_of_the_void(seed):
    atoms = random_structure(60, seed, volume_per_atom=20 + 12 * seed)
    for hydrogen in (1.7, 1.2):  # one radius, and two
        radii = np.where(np.arange(len(atoms)) % 3, 1.7, hydrogen)
        void = find_void(atoms.positions, atoms.cell.array, radii, np.array([1.3]))
        body = void.body
        volume, _, _ = void_moments(body.corners(slice(None)), body.center, body.ball_radius_A[body.atom])
        assert volume.sum() == pytest.approx(void.volume_A3.sum(), rel=1e-3)


def test_moments_and_windows_between_unequal_balls_agree_with_random_points():
    corner = np.array([[0.0, 0, 0], [6.4, 0.3, 0.1], [3.0, 5.6, -0.2], [3.1, 1.9, 5.3]])
    ball = np.array([3.1, 2.7, 3.3, 2.9])
    # the power centre: equal powers |c - v|^2 - r^2 to all four
    side = corner[1:] - corner[0]
    center = np.linalg.solve(2 * side, (corner[1:] ** 2).sum(1) - ball[1:] ** 2 + ball[0] ** 2)
    volume, first, second = void_moments(corner[None], center[None], ball[None])
    random = np.random.default_rng(0)
    share = random.dirichlet(np.ones(4), 300_000)
    points = share @ corner
    free = np.all(np.linalg.norm(points[:, None] - corner, axis=2) > ball, axis=1)
    whole = abs(np.linalg.det(side)) / 6
    arms = points[free] - center
    assert volume[0] == pytest.approx(whole * free.mean(), rel=1e-2)
    assert first[0] == pytest.approx(whole * arms.sum(0) / len(points), abs=0.01 * volume[0])
    tensor = whole * np.einsum("pi,pj->ij", arms, arms) / len(points)
    assert second[0] == pytest.approx(tensor, abs=0.01 * np.trace(tensor))

    triangle = corner[:3]
    points = random.dirichlet(np.ones(3), 300_000) @ triangle
    free = np.all(np.linalg.norm(points[:, None] - triangle, axis=2) > ball[:3], axis=1)
    area = np.linalg.norm(np.cross(side[0], side[1])) / 2
    assert window_areas(triangle[None], ball[None, :3])[0] == pytest.approx(area * free.mean(), rel=0.02)


# --- margins and invariance --------------------------------------------------------------


def test_the_volume_margin_is_the_share_that_keeps_its_class_at_uncertain_radii():
    model = InkBottle((5.8, 3.45, 3.1, 2.0))
    items = pores(model.atoms)["items"]
    random = np.random.default_rng(5).normal(scale=0.1, size=100_000)
    limits = np.array([2.6, 3.3, 5.7])
    for center, neck in zip(model.cavities, (5.8, 3.45, 3.1, 2.0), strict=True):
        kept = np.searchsorted(limits, neck - 2 * random) == np.searchsorted(limits, neck)
        assert model.item_at(items, center)["volume_margin"] == pytest.approx(kept.mean(), abs=0.01)


def signatures(atoms):
    """What does not depend on the cell's choice, per pore, sorted."""
    entries = []
    for item in pores(atoms)["items"]:
        numbers = [item["volume_A3"], item["area_A2"], item["window_area_A2"], item["sphericity"]]
        entries.append(
            (numbers, item["gyration_eigenvalues_A2"], item["necks_A"], item["winding"], item["probes"])
        )
    return sorted(entries, key=lambda entry: entry[0])


def assert_alike(one, two, copies=1):
    assert len(two) == copies * len(one)
    for place, other in enumerate(two):
        entry = one[place // copies]
        assert other[0] == pytest.approx(entry[0], rel=1e-3, abs=1e-3)
        assert other[1] == pytest.approx(entry[1], rel=1e-3, abs=1e-3)
        assert other[2] == pytest.approx(entry[2], abs=1e-4)
        assert other[3:] == entry[3:]


@pytest.mark.parametrize(("count", "volume"), [(4, 60.0), (15, 40.0), (50, 35.0), (50, 25.0)])
def test_a_pore_is_the_same_in_a_moved_turned_or_repeated_cell(count, volume):
    atoms = random_structure(count, seed=count, volume_per_atom=volume)
    one = signatures(atoms)
    moved = atoms.copy()
    moved.translate([3.21, -17.3, 100.7])
    moved.wrap()
    assert_alike(one, signatures(moved))
    turned = atoms.copy()
    turned.rotate(37.0, (1, 2, -1), rotate_cell=True)
    assert_alike(one, signatures(turned))
    if count > 4:  # there a void without peaks of 0.5 A is one pore, however often it is repeated
        assert_alike(one, signatures(atoms.repeat((2, 1, 1))), copies=2)
        assert_alike(one, signatures(atoms.repeat((1, 1, 3))), copies=3)
