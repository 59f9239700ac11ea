"""NEP against explicit sums, and the laws every potential obeys; its files."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from nep_files import Kind
from oracles import nep_oracle

import carbonize
from carbonize.calculators import CarbonizeCalculator, _neighbor_vectors
from carbonize.errors import InputError
from carbonize.potentials.nep import Nep
from carbonize.potentials.nep_file import read_nep

CAPACITY = (80, 48)
KINDS = {
    "nep4": Kind(),
    "nep3 of two elements, own cutoffs, universal ZBL": Kind(
        tag="nep3_zbl",
        elements=("H", "C"),
        cutoff="4.0 3.0 4.4 3.6 80 47",
        l_max="3 2 0",
        zbl="0.8 1.8",
        seed=2,
    ),
    "nep4 of three elements, flexible ZBL": Kind(
        tag="nep4_zbl", elements=("O", "C", "H"), l_max="5 0 1", zbl="0 0", n_max=(2, 1), seed=3
    ),
}


def structure(elements: tuple[str, ...]) -> Atoms:
    """Eight rattled atoms in a skewed cell smaller than the cutoffs."""
    atoms = bulk("C", "diamond", a=3.7, cubic=True)
    atoms.set_cell(atoms.cell @ np.array([[1, 0.1, 0], [0.05, 1.02, -0.2], [0, 0.1, 0.97]]), scale_atoms=True)
    atoms.rattle(0.15, seed=5)
    atoms.set_chemical_symbols([elements[k % len(elements)] for k in range(8)])
    return atoms


def make(name, folder):
    kind = KINDS[name]
    model = read_nep(kind.write(folder / "nep.txt"))
    return model, CarbonizeCalculator(Nep(model), name="NEP", capacity=CAPACITY), structure(kind.elements)


@pytest.fixture(scope="module", params=KINDS)
def case(request, tmp_path_factory):
    return make(request.param, tmp_path_factory.mktemp("nep"))


@pytest.fixture(scope="module")
def two_elements(tmp_path_factory):
    return make("nep3 of two elements, own cutoffs, universal ZBL", tmp_path_factory.mktemp("nep"))


def evaluate(calculator, atoms):
    atoms = atoms.copy()
    atoms.calc = calculator
    return atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress(voigt=False)


def test_energies_forces_and_stress_equal_the_explicit_sums(case):
    model, calculator, atoms = case
    first, second, vectors = _neighbor_vectors(
        atoms.positions, np.array(atoms.cell), atoms.pbc, float(model.radial_A.max())
    )
    species = np.array([model.elements.index(s) for s in atoms.get_chemical_symbols()])
    energies, forces, strain = nep_oracle.evaluate(model, vectors, species, first, second)
    atoms = atoms.copy()
    atoms.calc = calculator
    assert np.abs(atoms.get_potential_energies() - energies).max() < 1e-9 * np.abs(energies).max()
    assert np.abs(atoms.get_forces() - forces).max() < 1e-9 * np.abs(forces).max()
    stress = atoms.get_stress(voigt=False) * atoms.get_volume()
    assert np.abs(stress - strain).max() < 1e-9 * np.abs(strain).max()


def test_forces_are_minus_the_gradient_of_the_energy(case):
    _, calculator, atoms = case
    _, forces, _ = evaluate(calculator, atoms)
    step = 1e-5
    for i, c in np.ndindex(3, 3):
        values = []
        for sign in (-1, 1):
            moved = atoms.copy()
            moved.positions[i, c] += sign * step
            values.append(evaluate(calculator, moved)[0])
        assert forces[i, c] == pytest.approx(-(values[1] - values[0]) / (2 * step), abs=1e-6, rel=1e-6)


def test_stress_is_the_derivative_with_respect_to_strain(case):
    _, calculator, atoms = case
    stress, step = evaluate(calculator, atoms)[2], 1e-5
    for a, b in ((0, 0), (2, 2), (1, 2), (0, 1)):
        values = []
        for sign in (-1, 1):
            strain = np.eye(3)
            strain[a, b] += 0.5 * sign * step
            strain[b, a] += 0.5 * sign * step
            strained = atoms.copy()
            strained.set_cell(atoms.cell @ strain, scale_atoms=True)
            values.append(evaluate(calculator, strained)[0])
        derivative = (values[1] - values[0]) / (2 * step) / atoms.get_volume()
        assert stress[a, b] == pytest.approx(derivative, abs=1e-6)


def test_rotation_translation_and_order_change_nothing_but_directions(case):
    _, calculator, atoms = case
    energy, forces, _ = evaluate(calculator, atoms)
    turned = atoms.copy()
    turned.rotate(37, (1, 2, 3), rotate_cell=True)
    rotation = np.linalg.solve(np.array(atoms.cell), np.array(turned.cell))
    turned.positions += [0.3, -7.1, 2.2]
    order = np.random.default_rng(0).permutation(len(atoms))
    energy_turned, forces_turned, _ = evaluate(calculator, turned[order])
    assert energy_turned == pytest.approx(energy, rel=1e-11)
    assert np.abs(forces_turned - (forces @ rotation)[order]).max() < 1e-9 * np.abs(forces).max()


def test_tiny_cells_and_their_supercells_agree(case):
    model, calculator, _ = case
    small = bulk("C", "diamond", a=3.5)
    small.rattle(0.1, seed=3)
    small.set_chemical_symbols([model.elements[k % len(model.elements)] for k in range(2)])
    energy, forces, _ = evaluate(calculator, small)
    energy_larger, forces_larger, _ = evaluate(calculator, small.repeat((3, 2, 2)))
    assert energy_larger / 12 == pytest.approx(energy, rel=1e-11)
    assert np.abs(forces_larger[:2] - forces).max() < 1e-9 * np.abs(forces).max()


def test_neither_arrays_nor_blocks_nor_capacity_matter_beyond_rounding(two_elements):
    model, calculator, atoms = two_elements
    energy, forces, stress = evaluate(calculator, atoms)
    other = CarbonizeCalculator(Nep(model, block=50, loops=False), name="NEP", capacity=(90, 61))
    energy_other, forces_other, stress_other = evaluate(other, atoms)
    assert energy_other == pytest.approx(energy, rel=1e-12)
    assert np.abs(forces_other - forces).max() < 1e-11 * np.abs(forces).max()
    assert np.abs(stress_other - stress).max() < 1e-11 * np.abs(stress).max()


def test_float32_is_close_to_float64(two_elements):
    model, calculator, atoms = two_elements
    energy, forces, _ = evaluate(calculator, atoms)
    single = CarbonizeCalculator(Nep(model), name="NEP", precision="float32", capacity=CAPACITY)
    energy_single, forces_single, _ = evaluate(single, atoms)
    assert energy_single == pytest.approx(energy, rel=1e-5)
    assert np.abs(forces_single - forces).max() < 1e-4 * np.abs(forces).max()


def test_the_model_is_equal_to_another_reading_of_the_same_file(tmp_path):
    path = KINDS["nep4"].write(tmp_path / "nep.txt")
    again = dataclasses.replace(KINDS["nep4"], seed=9).write(tmp_path / "other.txt")
    assert Nep(read_nep(path)) == Nep(read_nep(path))
    assert hash(Nep(read_nep(path))) == hash(Nep(read_nep(path)))
    assert Nep(read_nep(path)) != Nep(read_nep(again))


def test_an_element_that_the_file_lacks_is_named(tmp_path):
    path = KINDS["nep4"].write(tmp_path / "nep.txt")
    atoms = Atoms("CSi", [[0, 0, 0], [0, 0, 2]])
    atoms.calc = carbonize.calculator("nep", file=str(path))
    with pytest.raises(InputError, match="Si"):
        atoms.get_potential_energy()


@pytest.mark.parametrize("keywords", [{}, {"file": ""}, {"file": "x", "parameters": "y"}])
def test_the_calculator_asks_for_a_file(keywords):
    with pytest.raises(InputError, match="nep needs file"):
        carbonize.calculator("nep", **keywords)


# ---- Files ----------------------------------------------------------------------------------

GOOD = Kind()
ZBL = Kind(tag="nep4_zbl", zbl="0.7 1.4")


def changed(kind, old, new):
    text = kind.text()
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("C C C 3 1 0\n", r":1: expected nep3, nep3_zbl, nep4 or nep4_zbl, got 'C'"),
        (changed(GOOD, "nep4", "nep4_charge1"), r":1: nep4_charge1 \(charges\) is not supported"),
        (changed(GOOD, "nep4", "nep4_dipole"), r"nep4_dipole \(dipoles\) is not supported"),
        (changed(GOOD, "nep4", "nep3_polarizability"), r"\(polarizabilities\) is not supported"),
        (changed(GOOD, "nep4", "nep4_temperature"), r"\(a temperature among its inputs\) is not supported"),
        (changed(GOOD, "nep4", "nep4_spin"), r"\(magnetic moments\) is not supported"),
        (changed(GOOD, "nep4", "nep4_zbl_vdw"), r"\(dispersion terms\) is not supported"),
        (changed(GOOD, "nep4", "nep5"), r"nep5 \(version 5\) is not supported"),
        (changed(GOOD, "nep4", "nep"), r":1: nep is not supported"),
        (changed(GOOD, "nep4 1 C", "nep4"), r":1: the number of elements"),
        (changed(GOOD, "nep4 1 C", "nep4 x C"), r"the number of elements must be a whole number"),
        (changed(GOOD, "nep4 1 C", "nep4 2 C"), r"2 element\(s\) announced, 1 symbol"),
        (changed(GOOD, "nep4 1 C", "nep4 1 Qq"), r"'Qq' is no chemical element"),
        (changed(GOOD, "nep4 1 C", "nep4 2 C C"), r"named twice"),
        ("nep4 1 C\n", "ends before the line cutoff"),
        (changed(GOOD, "cutoff", "cut"), r":2: expected the line cutoff, got 'cut'"),
        (changed(GOOD, "4.2 3.5 80 47", "4.2 3.5 80"), r":2: cutoff needs 4 numbers"),
        (changed(GOOD, "4.2 3.5", "3.5 4.2"), r":2: cutoffs must satisfy"),
        (changed(GOOD, "4.2 3.5", "nan 3.5"), r":2: a cutoff must be a finite number, got 'nan'"),
        (changed(GOOD, "4.2 3.5", "42 3.5"), r":2: cutoffs must satisfy 0 < angular <= radial <= 20 A"),
        (changed(GOOD, "n_max 3 2", "n_max 3"), r":3: n_max needs a radial and an angular number"),
        (changed(GOOD, "n_max 3 2", "n_max 3 -2"), r":3: n_max must be a whole number from 0 to 19, got '-2'"),
        (changed(GOOD, "basis_size 4", "basis_size 99"), r":4: basis_size must be a whole number"),
        (changed(GOOD, "l_max 4 2 1", "l_max 9 2 1"), r":5: the three-body l_max must be .* from 1 to 8"),
        (changed(GOOD, "l_max 4 2 1", "l_max 4 2 1 1"), r":5: the four-body term q_112 is not supported"),
        (changed(GOOD, "l_max 4 2 1", "l_max 1 2 1"), r":5: four-body terms need a three-body l_max"),
        (changed(GOOD, "ANN 6 0", "ANN 6 3"), r":6: a second hidden layer \(3\) is not supported"),
        (changed(GOOD, "ANN 6 0", "ANN 0 0"), r":6: the number of neurons must be"),
        (changed(GOOD, "ANN 6 0", "ANN 7 0"), r"lines of numbers after the header, expected"),
        (GOOD.text().rsplit("\n", 2)[0], r": \d+ lines of numbers .* incomplete or its header wrong"),
        (GOOD.text() + "1.0\n", r"line \d+ is the first too many"),
        (GOOD.text().rsplit("\n", 2)[0] + "\nnan\n", r":\d+: nan is not a usable number"),
        (GOOD.text().rsplit("\n", 2)[0] + "\n1e400\n", r":\d+: 1e400 is not a usable number"),
        (GOOD.text().rsplit("\n", 2)[0] + "\n1_0\n", r":\d+: expected one number, got '1_0'"),
        (GOOD.text().rsplit("\n", 2)[0] + "\n1.0 2.0\n", r":\d+: expected one number, got '1.0 2.0'"),
        (changed(ZBL, "zbl 0.7 1.4\n", ""), r":2: expected the line zbl, got 'cutoff'"),
        (changed(ZBL, "zbl 0.7 1.4", "zbl 0.7"), r":2: zbl needs an inner and an outer cutoff"),
        (changed(ZBL, "zbl 0.7 1.4", "zbl 1.7 1.4"), r":2: ZBL cutoffs must satisfy"),
        (changed(ZBL, "zbl 0.7 1.4", "zbl 0.7 5"), r"ZBL reaches beyond the angular cutoff"),
    ],
)  # fmt: skip
def test_a_bad_file_gets_one_line_that_says_what_and_where(tmp_path, text, message):
    path = tmp_path / "nep.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_nep(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_binary_and_folder_paths_are_refused(tmp_path):
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\x00\xff\xfe\x80")
    for path, message in (
        (tmp_path / "none.txt", "no such file"),
        (tmp_path, "is a folder"),
        (binary, "not a text file"),
    ):
        with pytest.raises(InputError, match=message):
            read_nep(path)
