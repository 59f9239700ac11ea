"""Writes graphite.extxyz, diamond.extxyz and C60.extxyz into this folder; needs only ASE."""

from pathlib import Path

from ase import Atoms
from ase.build import bulk, molecule
from ase.io import write

HERE = Path(__file__).parent


def graphite():
    """AB graphite at room temperature: a 2.461 A, c 6.708 A; 6 x 6 x 2 cells, 288 atoms."""
    basis = [[0, 0, 0], [1 / 3, 2 / 3, 0], [0, 0, 1 / 2], [2 / 3, 1 / 3, 1 / 2]]
    cell = Atoms("C4", scaled_positions=basis, cell=[2.461, 2.461, 6.708, 90, 90, 120], pbc=True)
    return cell.repeat((6, 6, 2))


def diamond():
    """Diamond at room temperature: a 3.567 A; 3 x 3 x 3 cubic cells, 216 atoms."""
    return bulk("C", "diamond", a=3.567, cubic=True).repeat(3)


def c60():
    """Buckminsterfullerene as in ASE's molecule collection (B3LYP), in a periodic cube of 20 A."""
    cage = molecule("C60")
    cage.set_cell([20.0, 20.0, 20.0])
    cage.center()
    cage.pbc = True
    return cage


if __name__ == "__main__":
    for name, atoms in (("graphite", graphite()), ("diamond", diamond()), ("C60", c60())):
        write(HERE / f"{name}.extxyz", atoms)
        print(name, len(atoms))
