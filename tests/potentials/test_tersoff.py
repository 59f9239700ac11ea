"""The Tersoff potential against explicit sums and the laws every potential obeys; its files."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from oracles import tersoff_oracle
from tersoff_tables import TABLES, alloys

from carbonize.calculators import CarbonizeCalculator
from carbonize.config.models import TersoffConfig
from carbonize.errors import InputError
from carbonize.potentials import make_potential
from carbonize.potentials.tersoff import Tersoff
from carbonize.potentials.tersoff_parameters import NAMED_SETS, lammps_text, read_lammps_tersoff

CCC = ("C", "C", "C")
CARBON = {name: entries[CCC] for name, entries in NAMED_SETS.items()}
# lambda3 is 0 in all published carbon sets; these two exercise the factor that it brings.
CARBON["cubic lambda3"] = dataclasses.replace(CARBON["tersoff-1989"], lambda3_per_A=1.3)
CARBON["linear lambda3"] = dataclasses.replace(CARBON["erhart-albe-2005"], lambda3_per_A=0.9)


def make(entry, precision="float64"):
    return CarbonizeCalculator(
        Tersoff(((CCC, entry),)), name="Tersoff", precision=precision, capacity=(7, 10)
    )


@pytest.fixture(scope="module", params=CARBON)
def case(request):
    entry = CARBON[request.param]
    return entry, make(entry)


def evaluate(calculator, atoms):
    atoms = atoms.copy()
    atoms.calc = calculator
    return atoms.get_potential_energy(), atoms.get_forces()


def test_energies_equal_the_explicit_sums(case, disordered):
    entry, calculator = case
    for atoms in (disordered, Atoms("C"), Atoms("C2", [[0, 0, 0], [0, 0, 2.02]])):
        expected = tersoff_oracle.atom_energies(atoms.positions, np.array(atoms.cell), atoms.pbc, entry)
        atoms = atoms.copy()
        atoms.calc = calculator
        assert np.abs(atoms.get_potential_energies() - expected).max() < 1e-10


def test_forces_are_minus_the_gradient_of_the_energy(case, disordered):
    _, calculator = case
    _, forces = evaluate(calculator, disordered)
    step = 1e-5
    for i, c in np.ndindex(3, 3):
        values = []
        for sign in (-1, 1):
            moved = disordered.copy()
            moved.positions[i, c] += sign * step
            values.append(evaluate(calculator, moved)[0])
        assert forces[i, c] == pytest.approx(-(values[1] - values[0]) / (2 * step), abs=5e-7, rel=1e-7)


def test_stress_is_the_derivative_with_respect_to_strain(case, disordered):
    _, calculator = case
    atoms = disordered.copy()
    atoms.calc = calculator
    stress, step = atoms.get_stress(voigt=False), 1e-5
    for a, b in ((0, 0), (2, 2), (1, 2), (0, 1)):
        values = []
        for sign in (-1, 1):
            strain = np.eye(3)
            strain[a, b] += 0.5 * sign * step
            strain[b, a] += 0.5 * sign * step
            strained = disordered.copy()
            strained.set_cell(disordered.cell @ strain, scale_atoms=True)
            values.append(evaluate(calculator, strained)[0])
        derivative = (values[1] - values[0]) / (2 * step) / atoms.get_volume()
        assert stress[a, b] == pytest.approx(derivative, abs=1e-7)


def test_small_cells_and_their_supercells_agree(case):
    _, calculator = case
    small = bulk("C", "diamond", a=3.5)
    small.rattle(0.1, seed=3)
    energy, forces = evaluate(calculator, small)
    energy_larger, forces_larger = evaluate(calculator, small.repeat(3))
    assert energy_larger / 27 == pytest.approx(energy, abs=1e-10)
    assert np.abs(forces_larger[:2] - forces).max() < 1e-10


def test_an_isolated_atom_has_neither_energy_nor_force(case):
    energy, forces = evaluate(case[1], Atoms("C"))
    assert energy == 0
    assert (forces == 0).all()


def test_diamond_has_the_published_energy_and_lattice_constant():
    """-7.37 eV/atom at 3.566 A, Phys. Rev. B 39, 5566 (1989)."""
    calculator = make(CARBON["tersoff-1989"])
    lengths = np.array([3.55, 3.566, 3.58])
    energies = [evaluate(calculator, bulk("C", "diamond", a=a))[0] / 2 for a in lengths]
    curve = np.polyfit(lengths, energies, 2)
    assert -curve[1] / (2 * curve[0]) == pytest.approx(3.566, abs=0.002)
    assert energies[1] == pytest.approx(-7.37, abs=0.005)


def test_float32_is_close_to_float64(disordered):
    entry = CARBON["tersoff-1989"]
    energy, forces = evaluate(make(entry), disordered)
    energy_single, forces_single = evaluate(make(entry, "float32"), disordered)
    assert energy_single == pytest.approx(energy, rel=2e-6)
    assert np.abs(forces_single - forces).max() < 2e-4 * np.abs(forces).max()


# ---- Parameter files ------------------------------------------------------------------------

GOOD = "C C C 3 1 0 38049 4.3484 -0.57058 0.72751 1.5724e-7 2.2119 346.74 1.95 0.15 3.4879 1393.6"


@pytest.mark.parametrize("name", NAMED_SETS)
def test_written_parameters_are_read_back(tmp_path, name):
    path = tmp_path / "c.tersoff"
    path.write_text(lammps_text(NAMED_SETS[name]))
    assert read_lammps_tersoff(path) == CARBON[name]


def test_entries_may_span_lines_and_stand_beside_other_elements(tmp_path):
    path = tmp_path / "sic.tersoff"
    other = GOOD.replace("C C C", "Si C C")
    words = GOOD.split()
    path.write_text(
        f"# a comment\n{other}\n{' '.join(words[:9])} # half\n\n  {' '.join(words[9:])}\n{other}\n"
    )
    assert read_lammps_tersoff(path) == CARBON["tersoff-1989"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no entries"),
        ("# only a comment\n", "no entries"),
        (GOOD.replace("C C C", "Si Si Si"), "no entry C C C"),
        (GOOD.rsplit(" ", 1)[0], r":1: the last entry has 13 numbers, expected 14; add A"),
        (f"\n{GOOD} 7.0\n{GOOD}", r":2: expected an element symbol, got the number 7.0"),
        (GOOD.rsplit(" ", 1)[0] + "\n" + GOOD, r":2: A must be a number, got 'C'"),
        (GOOD.replace("346.74", "abc"), r":1: B must be a number, got 'abc'"),
        (GOOD.replace("346.74", "nan"), r":1: B is nan"),
        (GOOD.replace("1393.6", "inf"), r":1: A is inf"),
        (GOOD.replace("C C C 3", "C C C 2"), r":1: m is 2; it must be 1 or 3"),
        (GOOD.replace("1.95 0.15", "-1.95 0.15"), r":1: R is -1.95 A; it must be positive"),
        (GOOD.replace("1.95 0.15", "1.95 0"), r":1: D is 0 A; it must be positive"),
        (GOOD.replace("1.95 0.15", "1.95 2.15"), r":1: D is 2.15 A; it must be smaller than R"),
        (GOOD.replace("346.74", "-346.74"), r":1: B is -346.74 eV; it must not be negative"),
        (GOOD.replace("1393.6", "-1"), r":1: A is -1 eV; it must not be negative"),
        (GOOD.replace("4.3484", "0"), r":1: d is 0; it must be positive"),
        (GOOD + "\n" + GOOD, r":2: second entry C C C \(first on line 1\)"),
    ],
)
def test_a_bad_file_gets_one_line_that_says_what_and_where(tmp_path, text, message):
    path = tmp_path / "bad.tersoff"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_lammps_tersoff(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_binary_and_folder_paths_are_refused(tmp_path):
    binary = tmp_path / "binary.tersoff"
    binary.write_bytes(b"\x00\xff\xfe\x80")
    for path, message in (
        (tmp_path / "none.tersoff", "no such file"),
        (tmp_path, "is a folder"),
        (binary, "not a text file"),
    ):
        with pytest.raises(InputError, match=message):
            read_lammps_tersoff(path)


# ---- Several elements -----------------------------------------------------------------------


@pytest.fixture(scope="module", params=TABLES)
def mixed(request):
    potential = Tersoff(tuple(TABLES[request.param].items()))
    return request.param, CarbonizeCalculator(potential, name="Tersoff", capacity=(7, 10))


def test_mixed_energies_equal_the_explicit_sums(mixed):
    name, calculator = mixed
    for atoms in alloys(name).values():
        cell, symbols = np.array(atoms.cell), atoms.get_chemical_symbols()
        expected = tersoff_oracle.mixed_energies(atoms.positions, cell, atoms.pbc, symbols, TABLES[name])
        atoms.calc = calculator
        assert np.abs(atoms.get_potential_energies() - expected).max() < 1e-10


def test_mixed_forces_and_stress_are_derivatives_of_the_energy(mixed):
    name, calculator = mixed
    start = alloys(name)["small"]
    atoms, step = start.copy(), 1e-5
    atoms.calc = calculator
    forces, stress = atoms.get_forces(), atoms.get_stress(voigt=False)

    def difference(change):
        values = []
        for sign in (-1, 1):
            changed = start.copy()
            change(changed, sign * step)
            values.append(evaluate(calculator, changed)[0])
        return (values[1] - values[0]) / (2 * step)

    def move(changed, by, i, c):
        changed.positions[i, c] += by

    def stretch(changed, by, a, b):
        strain = np.eye(3)
        strain[a, b] += 0.5 * by
        strain[b, a] += 0.5 * by
        changed.set_cell(changed.cell @ strain, scale_atoms=True)

    for i, c in np.ndindex(3, 3):
        derivative = difference(lambda x, by, i=i, c=c: move(x, by, i, c))
        assert forces[i, c] == pytest.approx(-derivative, abs=1e-6, rel=1e-7)
    for a, b in ((0, 0), (2, 2), (1, 2), (0, 1)):
        derivative = difference(lambda x, by, a=a, b=b: stretch(x, by, a, b)) / atoms.get_volume()
        assert stress[a, b] == pytest.approx(derivative, abs=2e-7)


def mixed_file(folder, table, name="SiC.tersoff"):
    path = folder / name
    path.write_text(lammps_text(table))
    return path


def test_a_structure_takes_the_elements_it_has_from_a_file(tmp_path):
    """Also from one whose other entries are of no use: carbon alone keeps its own kernel."""
    broken = dict(TABLES["SiC"])
    del broken["Si", "C", "C"]
    path = mixed_file(tmp_path, broken)
    bad = lammps_text({("Si", "Si", "Si"): broken["Si", "Si", "Si"]})
    path.write_text(path.read_text() + bad + bad.replace("Si Si Si 3.0", "O O O 2.0"))
    potential = make_potential(TersoffConfig(kind="tersoff", file=str(path)))
    assert potential.for_elements(["C", "C"]).table == ((CCC, broken[CCC]),)
    for symbols, message in (
        (["Si"], r"SiC.tersoff:8: second entry Si Si Si \(first on line 7\)"),
        (["O", "O"], r"SiC.tersoff:9: m is 2; it must be 1 or 3"),
        (["H"], "no entry H H H; add one, or use a file with parameters for H"),
        (["C", "H"], "no entries C C H, C H C, C H H, H C C and 3 more; add them"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            potential.for_elements(symbols)
        assert "\n" not in str(caught.value)


def test_the_order_of_elements_in_the_structure_does_not_matter(tmp_path):
    path = mixed_file(tmp_path, {**TABLES["SiC"], CCC: CARBON["erhart-albe-2005"]})
    potential = make_potential(TersoffConfig(kind="tersoff", file=str(path)))
    assert potential.for_elements("Si C Si".split()) == potential.for_elements(["C", "Si"]) == potential


def test_an_incomplete_table_is_refused_when_it_is_used():
    table = dict(TABLES["SiC"])
    del table["Si", "C", "C"]
    atoms = alloys("SiC")["dimer and lone atoms"]
    atoms.calc = make(CARBON["tersoff-1989"])
    with pytest.raises(InputError, match=r"no entries C C Si"):
        atoms.get_potential_energy()
    atoms.calc = CarbonizeCalculator(Tersoff(tuple(table.items())), name="Tersoff")
    with pytest.raises(InputError, match=r"Tersoff: no entry Si C C; add one"):
        atoms.get_potential_energy()
