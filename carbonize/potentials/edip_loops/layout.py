"""What stands where in the arrays of the loops."""

from __future__ import annotations

__all__ = [
    "AT_M",
    "AT_PI3",
    "AT_Z",
    "BLOCK",
    "BY_ATOM",
    "BY_ATOM_OF_BLOCK",
    "BY_CHUNK",
    "BY_EDGE",
    "BY_FAR",
    "BY_NEAR",
    "LANES",
    "N_PARAMETERS",
    "PARAMETERS",
    "ROW_GAP",
]

PARAMETERS = (
    "epsilon_eV",
    "B4_A4",
    "beta",
    "sigma_A",
    "a_A",
    "a_slope_A",
    "Z0",
    "lambda0_eV",
    "lambda_slope",
    "gamma_A",
    "q",
    "t1",
    "t2",
    "f_low_A",
    "f_high_A",
    "p_low_A",
    "p_high_A",
    "alpha",
    "Z_dihedral",
    "Z_repulsion_A2",
    "c0_A",
)
"""Names of the parameters in the order in which the kernel takes them; the trim follows, and whether there are lists."""

N_PARAMETERS = len(PARAMETERS) + 2

BY_ATOM = 8
"""Numbers kept of an atom for its neighbours: z, M, pi_3; and of dE/dz, dE/dM, dE/dpi_3: each a line of a cache."""

AT_Z, AT_M, AT_PI3 = 0, 1, 7

BY_NEAR = 8
"""Numbers kept of a near neighbour: unit vector, r, p, the slopes of p and f, 1/r."""

BY_FAR = 4
"""Numbers kept of a far neighbour: vector, and its square, later 1/r."""

BLOCK = 64
"""Atoms taken at a time: what is kept of them stays in a cache, and loops over their bonds are long."""

BY_ATOM_OF_BLOCK = 17
"""Numbers kept of an atom of the block: P, two sums, Z, reach, functions of Z."""

BY_EDGE = 13
"""Numbers of a bond in reach of U2 and U3: unit vector, r, 1/r, 1/(r - reach), two exponentials, and more."""

LANES, BY_CHUNK = 64, 21
"""Bonds beside each other in a chunk of :mod:`carbonize.potentials.edip_loops.dihedral`, and numbers kept of one."""

ROW_GAP = 72
"""Entries between rows that are as long as a power of two might be, so that they do not collide in a cache."""
