"""The pore network as a graph, in Python and as GraphML."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import typer
from ase import Atoms
from ase.build import bulk
from ase.io import write
from pore_models import ATOM_RADIUS_A, InkBottle, random_structure
from typer.testing import CliRunner
from void_models import CavityRow

from carbonize.analysis.pores.graph import as_graphml, node_graph, pore_graph, structure_graph
from carbonize.analysis.pores.survey import survey
from carbonize.cli.analyze import analyze
from carbonize.errors import InputError
from carbonize.periodic import images_within, make_lattice

PROBES = {"He": 2.6, "CO2": 3.3, "N2": 3.64, "EC": 5.7}

app = typer.Typer()
app.command()(analyze)


def call(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception:
        raise result.exception
    return result.stdout


def test_the_ink_bottle_is_a_star_of_cavities_about_its_channel():
    model = InkBottle((6.0, 4.5, 3.0, 2.0))
    graph = structure_graph(model.atoms, None, PROBES)
    box = model.box
    centers = np.array([data["center_A"] for _, data in graph.nodes(data=True)])
    [channel] = [node for node, data in graph.nodes(data=True) if data["winding"] == "through"]
    ring = model.box / 2
    distance = (model.channel_diameter / 2 + ATOM_RADIUS_A + np.abs(model.cavities[0] - ring).max()) / 2
    distance -= (model.cavity_diameter / 2 + ATOM_RADIUS_A) / 2
    for cavity, neck in zip(model.cavities, (6.0, 4.5, 3.0, 2.0), strict=True):
        offset = centers - cavity
        pore = int(np.argmin(np.linalg.norm(offset - box * np.round(offset / box), axis=1)))
        [edge] = [edge for edge in graph[channel][pore].values() if edge["diameter_A"] > 1.0]
        assert edge["diameter_A"] == pytest.approx(neck, abs=1e-3)
        direction = (cavity - ring) / np.linalg.norm(cavity - ring)
        assert edge["position_A"] == pytest.approx(ring + distance * direction, abs=1e-3)
        assert edge["translation"] == (0, 0, 0)
    [own] = [edge for edge in graph[channel][channel].values() if edge["diameter_A"] > 1.0]
    assert own["translation"] == (0, 0, 1)
    assert own["diameter_A"] == pytest.approx(model.channel_diameter, abs=1e-3)


@pytest.mark.parametrize("translate", [0.0, 7.3])
def test_translations_say_which_image_a_neck_leads_to(translate):
    model = CavityRow((5.0, 4.5), last_neck=3.0)
    model.atoms.translate([translate, -2 * translate, translate / 3])
    graph = structure_graph(model.atoms, None, PROBES)
    cell = model.atoms.cell.array
    wide = [edge for edge in graph.edges(data=True) if edge[2]["diameter_A"] > 2.6]
    assert sorted(round(data["diameter_A"], 2) for _, _, data in wide) == [3.0, 4.5, 5.0, 6.4]
    way = 0.0
    for one, two, data in wide:
        low, high = graph.nodes[min(one, two)]["center_A"], graph.nodes[max(one, two)]["center_A"]
        if one != two:
            way += abs((np.array(high) + data["translation"] @ cell - low)[0])
    assert way == pytest.approx(cell[0, 0], abs=1e-3)  # channel, two cavities, and the channel's image


def clearance(atoms, points):
    """Distance of points to the surface of the nearest atom, images included."""
    lattice = make_lattice(atoms.cell.array, (True, True, True))
    images = images_within(lattice.fractional(atoms.positions), lattice, 9.0)
    wrapped = lattice.fractional(points) @ lattice.vectors
    offsets = wrapped[:, None] - images.fractional @ lattice.vectors
    return np.linalg.norm(offsets, axis=2).min(axis=1) - ATOM_RADIUS_A


@pytest.mark.parametrize("seed", range(4))
def test_necks_are_as_wide_as_the_room_at_their_place(seed):
    atoms = random_structure(60, seed, volume_per_atom=22 + 6 * seed)
    found = survey(atoms, ATOM_RADIUS_A, PROBES)
    graph = pore_graph(found)
    edges = [data for _, _, data in graph.edges(data=True)]
    assert len(edges) > 0
    room = clearance(atoms, np.array([data["position_A"] for data in edges]))
    assert 2 * room == pytest.approx([data["diameter_A"] for data in edges], abs=1e-4)
    assert len(graph) == len(found.pores)
    for item, (node, data) in zip(found.pores, sorted(graph.nodes(data=True)), strict=True):
        assert data == item.as_item(node)


def test_every_edge_of_the_node_graph_is_as_wide_as_the_room_along_it():
    atoms = random_structure(40, 3, volume_per_atom=30)
    graph = node_graph(survey(atoms, ATOM_RADIUS_A, PROBES))
    cell = atoms.cell.array
    for one, two, data in list(graph.edges(data=True))[::7]:
        low, high = graph.nodes[min(one, two)], graph.nodes[max(one, two)]
        start, end = np.array(low["position_A"]), np.array(high["position_A"]) + data["translation"] @ cell
        along = clearance(atoms, start + np.linspace(0, 1, 41)[:, None] * (end - start))
        assert 2 * along[[0, -1]] == pytest.approx([low["diameter_A"], high["diameter_A"]], abs=1e-4)
        assert 2 * along.min() == pytest.approx(data["diameter_A"], abs=0.02)


def test_graphml_gives_back_what_was_written():
    graph = structure_graph(CavityRow((5.0, 2.0)).atoms, None, PROBES)
    again = nx.parse_graphml(as_graphml(graph), node_type=int, force_multigraph=True)
    assert set(again.nodes) == set(graph.nodes)
    for node, data in graph.nodes(data=True):
        read = again.nodes[node]
        assert [read[f"center_A_{axis}"] for axis in "xyz"] == list(data["center_A"])
        assert read["class"] == data["class"] and read.get("entrance_A") == data["entrance_A"]
        assert [float(width) for width in read["necks_A"].split()] == data["necks_A"]
        assert read["probes"].split() == data["probes"]
    for one, two, data in graph.edges(data=True):
        widths = [edge["diameter_A"] for edge in again[one][two].values()]
        assert data["diameter_A"] in widths
    assert again.number_of_edges() == graph.number_of_edges()
    assert [float(x) for x in again.graph["cell_A"].split()] == list(graph.graph["cell_A"])


def test_the_command_writes_a_graph_a_frame(tmp_path):
    path, out = tmp_path / "movie.extxyz", tmp_path / "net.graphml"
    write(path, [bulk("C", "sc", a=8.0 + 0.2 * k, cubic=True) for k in range(3)])
    assert str(out) in call(path, "--frame", 1, "--graph", out)
    graph = nx.read_graphml(out, node_type=int, force_multigraph=True)
    assert graph.number_of_nodes() == 1 and graph.number_of_edges() == 3
    out.unlink()
    assert "net-000000.graphml" in call(path, "--what", "bonding", "--graph", out)
    names = [f"net-00000{k}.graphml" for k in range(3)]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["movie.extxyz", *names]
    widths = [
        nx.read_graphml(tmp_path / name, node_type=int, force_multigraph=True)[0][0][0]["diameter_A"]
        for name in names
    ]
    assert widths == pytest.approx([(8.0 + 0.2 * k) * 2**0.5 - 3.4 for k in range(3)], abs=1e-4)


def test_the_command_writes_the_nodes_too(tmp_path):
    path, out = tmp_path / "sc.extxyz", tmp_path / "net.graphml"
    write(path, bulk("C", "sc", a=8.0, cubic=True))
    call(path, "--graph", out, "--graph-level", "nodes")
    graph = nx.read_graphml(out, node_type=int, force_multigraph=True)
    widest = max(data["diameter_A"] for _, data in graph.nodes(data=True))
    assert widest == pytest.approx(8 * 3**0.5 - 3.4, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--graph", "/nonexistent/folder/net.graphml"], "no folder"),
        (["--graph", "/"], "is a folder"),
        (["--graph", "net.graphml", "--graph-level", "atoms"], "pores or nodes"),
    ],
)
def test_a_graph_that_cannot_be_made_is_refused_in_one_line(tmp_path, arguments, message):
    path = tmp_path / "one.extxyz"
    write(path, Atoms("C", cell=[8, 8, 8], pbc=True))
    with pytest.raises(InputError, match=message) as caught:
        call(path, *arguments)
    assert "\n" not in str(caught.value)
