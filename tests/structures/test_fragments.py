"""Graphene fragments: their rings, their shape, and a packing of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from carbonize.config.builds import FragmentsMatrix
from carbonize.errors import InputError
from carbonize.structures.bending import bend
from carbonize.structures.cavities import Cavities
from carbonize.structures.cross_links import bonds_within, bridges, choose_links, pull_together
from carbonize.structures.curvature import cylinder_radius_A, sphere_radius_A
from carbonize.structures.flakes import flake_sizes, grow_flake, pentagons_expected
from carbonize.structures.fragments import LARGEST_STRAIN, draw_fragments, pack_apart
from carbonize.structures.random_packing import cubic_edge_A


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize("pentagons", [0, 1, 3])
def test_a_fragment_is_a_planar_map_of_exactly_so_many_atoms_with_two_or_three_bonds(pentagons: int) -> None:
    source = rng()
    for atoms in range(30, 80, 7):
        flake = grow_flake(atoms, pentagons, source)
        assert flake.atoms == atoms
        assert flake.pentagons == pentagons
        assert atoms - len(flake.bonds) + len(flake.rings) == 1  # Euler
        bonds = np.bincount(flake.bonds.ravel(), minlength=atoms)
        assert set(bonds) == {2, 3}
        inner = np.setdiff1d(np.arange(atoms), flake.boundary)
        assert np.all(bonds[inner] == 3)


def test_the_smallest_fragments_have_any_number_of_atoms_from_pyrene_on() -> None:
    source = rng()
    for atoms in range(16, 30):
        assert grow_flake(atoms, 0, source).atoms == atoms


def test_sizes_add_up_and_follow_mean_and_spread() -> None:
    sizes = np.array(flake_sizes(100_000, 50, 0.2, rng()))
    assert sizes.sum() == 100_000
    assert sizes.mean() == pytest.approx(50, rel=0.01)
    assert sizes.std() == pytest.approx(10, rel=0.1)
    assert set(flake_sizes(400, 40, 0.0, rng())) == {40}
    with pytest.raises(InputError, match="do not fit into 100 atoms"):
        flake_sizes(100, 200, 0.2, rng())


def test_a_whole_cage_would_have_twelve_pentagons() -> None:
    """A sphere of n atoms has n times the area of an atom; the edge of a piece takes some."""
    radius = np.sqrt(10_000 * 2.619 / (4 * np.pi))
    assert pentagons_expected(10_000, radius) == pytest.approx(12, rel=0.02)


def lengths(atoms: int, shape: str, radius: float | None, pentagons: int = 0) -> tuple[np.ndarray, ...]:
    flake = grow_flake(atoms, pentagons, rng())
    places = bend(flake, shape, radius)  # type: ignore[arg-type]
    apart = squareform(pdist(places))
    a, b = flake.bonds.T
    bonds = apart[a, b]
    apart[a, b] = apart[b, a] = np.inf
    np.fill_diagonal(apart, np.inf)
    return places, bonds, apart


def test_a_flat_fragment_is_a_piece_of_graphene() -> None:
    places, bonds, others = lengths(60, "flat", None)
    assert bonds == pytest.approx(1.42, abs=1e-3)
    assert others.min() == pytest.approx(1.42 * np.sqrt(3), abs=3e-3)
    assert np.ptp(places[:, 2]) < 1e-9


def test_a_rolled_fragment_keeps_its_bonds_and_has_the_radius() -> None:
    places, bonds, _ = lengths(60, "cylinder", 9.0)
    assert bonds == pytest.approx(1.42, rel=0.005)
    assert cylinder_radius_A(places) == pytest.approx(9.0, rel=0.01)


@pytest.mark.parametrize(("radius", "pentagons"), [(12.0, 0), (8.0, 1), (6.0, 2)])
def test_a_fragment_on_a_sphere_has_the_radius_and_bonds_near_142(radius: float, pentagons: int) -> None:
    places, bonds, others = lengths(36, "sphere", radius, pentagons)
    assert sphere_radius_A(places) == pytest.approx(radius, rel=1e-6)
    assert np.abs(bonds / 1.42 - 1).max() < LARGEST_STRAIN
    assert others.min() > 2.0


def test_pentagons_take_strain_out_of_a_strongly_curved_fragment() -> None:
    def strain(pentagons: int) -> float:
        worst = []
        for seed in range(8):
            flake = grow_flake(40, pentagons, np.random.default_rng(seed))
            places = bend(flake, "sphere", 5.0)
            a, b = flake.bonds.T
            worst.append(np.std(np.linalg.norm(places[a] - places[b], axis=1)))
        return float(np.median(worst))

    assert pentagons_expected(40, 5.0) == pytest.approx(3.3, abs=0.2)
    assert strain(3) < 0.75 * strain(0)


def test_fragments_are_packed_without_overlap_at_the_density() -> None:
    settings = FragmentsMatrix(kind="fragments", fragment_atoms=30)
    edge = cubic_edge_A(240, 0.9)
    shapes = draw_fragments(settings, 240, edge, rng())
    assert sum(len(s) for s in shapes) == 240
    packing = pack_apart(shapes, edge, rng(), None)
    assert packing.closest_A > 2.6
    again = pack_apart(shapes, edge, rng(), None)
    assert np.array_equal(packing.positions, again.positions)
    # rigid: every fragment has its shape still
    for k, shape in enumerate(shapes):
        assert pdist(packing.positions[packing.fragment == k]) == pytest.approx(pdist(shape), abs=1e-6)
    bonds = bonds_within(packing.positions, edge)
    assert np.all(packing.fragment[bonds[:, 0]] == packing.fragment[bonds[:, 1]])
    assert set(np.bincount(bonds.ravel())) == {2, 3}  # no bond is made or lost


def test_fragments_go_around_a_template() -> None:
    settings = FragmentsMatrix(kind="fragments", fragment_atoms=25, curvature="flat")
    edge = cubic_edge_A(150, 0.5)
    hole = Cavities("sphere", np.array([[0.5, 0.5, 0.5]]), 6.0)
    shapes = draw_fragments(settings, 150, edge, rng())
    packing = pack_apart(shapes, edge, rng(), hole)
    assert hole.depth(packing.positions, np.eye(3) * edge).max() < 0.1


@pytest.mark.parametrize(
    ("settings", "atoms", "density", "message"),
    [
        ({"fragment_atoms": 150}, 200, 2.0, "does not fit beside its own image"),
        ({"fragment_atoms": 90, "curvature_radius_A": 3.6}, 400, 1.0, "cannot be bent"),
    ],
)
def test_impossible_fragments_are_refused(settings: dict, atoms: int, density: float, message: str) -> None:
    chosen = FragmentsMatrix(kind="fragments", **settings)
    with pytest.raises(InputError, match=message):
        draw_fragments(chosen, atoms, cubic_edge_A(atoms, density), rng())


def test_a_density_without_room_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbonize.structures.fragment_packing._LAST_STEPS", 60)
    monkeypatch.setattr("carbonize.structures.fragments._CONTACTS_A", (2.7,))
    settings = FragmentsMatrix(kind="fragments", fragment_atoms=16, fragment_spread=0)
    edge = cubic_edge_A(160, 2.6)
    with pytest.raises(InputError, match="cannot be packed"):
        pack_apart(draw_fragments(settings, 160, edge, rng()), edge, rng(), None)


def test_links_become_bonds_of_bridges_between_two_fragments() -> None:
    settings = FragmentsMatrix(kind="fragments", fragment_atoms=30)
    edge = cubic_edge_A(150, 1.0)
    packing = pack_apart(draw_fragments(settings, 150, edge, rng()), edge, rng(), None)
    before = bonds_within(packing.positions, edge)
    links = choose_links(packing.positions, edge, packing.fragment, 6, set(), rng())
    assert np.all(packing.fragment[links[:, 0]] != packing.fragment[links[:, 1]])
    assert len(np.unique(links)) == links.size
    pulled = pull_together(packing.positions, edge, links)
    after = bonds_within(pulled, edge)
    assert {tuple(b) for b in after} == {tuple(b) for b in before} | {
        tuple(sorted(k)) for k in links.tolist()
    }
    assert bridges(after, packing.fragment).sum() == 6
