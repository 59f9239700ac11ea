"""Energies, forces and virials of all atoms, block by block."""

from __future__ import annotations

from typing import Any

import numpy as np

from carbonize.potentials.edip_loops.sums import six
from carbonize.potentials.foreign import compiled
from carbonize.potentials.nep_loops.gather import close_bonds, near_bonds
from carbonize.potentials.nep_loops.harmonics import (
    harmonics,
    harmonics_backwards,
    invariants,
    invariants_backwards,
)
from carbonize.potentials.nep_loops.layout import (
    BLOCK,
    GX,
    GY,
    GZ,
    LANES,
    OVER,
    SLOPE,
    X,
    Y,
    Z,
)
from carbonize.potentials.nep_loops.network import network
from carbonize.potentials.nep_loops.products import dots, multiply
from carbonize.potentials.nep_loops.repulsion import repulsion
from carbonize.potentials.nep_loops.rows import basis, place, transposed

__all__ = ["forces"]


@compiled
def _radial(
    species: Any, table: Any, begin: int, size: int, starts: Any, f: Any, ones: Any, sums: Any, q: Any
) -> None:
    """q_n of the block's atoms: sums of f_k over bonds with each element, times the expansion coefficients."""
    kinds, count, terms = table.shape[0], table.shape[1], f.shape[0]
    for a in range(size):
        mine = species[begin + a] if kinds > 1 else 0
        for n in range(count):
            q[n, a] = 0.0
        for kind in range(kinds):
            low, high = starts[a * kinds + kind], starts[a * kinds + kind + 1]
            multiply(f[:, low:high], ones[: high - low], sums)
            for n in range(count):
                total = q[n, a]
                for k in range(terms):
                    total += table[mine, n, kind * terms + k] * sums[k, 0]
                q[n, a] = total


@compiled
def _radial_backwards(
    species: Any, table: Any, begin: int, size: int, starts: Any, df: Any, dq: Any, weights: Any, slope: Any
) -> None:
    """dE/dr of the near bonds."""
    kinds, count, terms = table.shape[0], table.shape[1], df.shape[0]
    for a in range(size):
        mine = species[begin + a] if kinds > 1 else 0
        for kind in range(kinds):
            for k in range(terms):
                total = dq.dtype.type(0.0)
                for n in range(count):
                    total += table[mine, n, kind * terms + k] * dq[n, a]
                weights[0, k] = total
            low, high = starts[a * kinds + kind], starts[a * kinds + kind + 1]
            # whole tiles: what is behind the last bond is written again for the next atom, or room
            end = low + (high - low + LANES - 1) // LANES * LANES
            multiply(weights, df[:, low:end], slope[:, low:end])


@compiled
def forces(given: Any, species: Any, model: Any, found: Any, room: Any) -> None:
    """Energies, forces and virials of all atoms.

    Parameters
    ----------
    given
        Whether bond vectors are to be made from lists and positions, or are given; index, x, y, z as in
        :class:`carbonize.potentials.base.Bonds`, (slot, atom); shift, positions and cells as in
        :class:`carbonize.potentials.base.Lists`.
    species
        Of all atoms; not read where there is one element.
    model
        Four- and five-body terms (or not), repulsion at short range (or not); radial and angular cutoffs (A), (element,
        element); radial and angular expansion coefficients, (element, n, neighbour's element times k); weights, biases
        and output weights of the networks, (network, neuron, descriptor) and twice (network, neuron), and the bias of
        all atoms; the harmonics' two tables (:func:`carbonize.potentials.nep_loops.harmonics.tables`); and that of
        :func:`carbonize.potentials.nep_loops.repulsion.repulsion`, (element, element, 12).
    found
        Results: energies, (atom,) eV; forces, (3, all) eV/A; virials, (1 or 6, atom) eV, with one row their trace.
    room
        Working space, as :mod:`carbonize.potentials.nep_loops.call` lays it out.
    """
    kinds, radial_A, angular_A, radial, angular, weights, biases, output, bias, values, slopes, zbl = model
    energies, force, stress = found
    (
        starts, who, near, f, df, close_starts, at, close, g, dg, harmonic, turned, weight, work, sums, dsums, by_atom,
        A, dA, invariant, q, dq, of_block, hidden, dhidden, tried, ones, few, one, sound, tiled, tiled_shift,
    ) = room  # fmt: skip
    n_elements, l_max = radial.shape[0], values.shape[0] - 1
    four_body, five_body, repels = kinds[0] != 0, kinds[1] != 0, kinds[2] != 0
    n_radial, n_angular = radial.shape[1], angular.shape[1]
    terms, n_harmonics = g.shape[0], (l_max + 1) * (l_max + 1) - 1
    n_invariants = l_max + (1 if four_body else 0) + (1 if five_body else 0)
    total = force.dtype.type
    force[:] = 0.0
    stress[:] = 0.0
    turned[:] = 0.0
    sums[:] = 0.0
    dA[:] = 0.0
    by_atom[:] = 0.0
    q[:] = 0.0
    ones[:] = 1.0
    force_x, force_y, force_z = force[0], force[1], force[2]
    atoms = given[1].shape[1]
    for begin in range(0, atoms, BLOCK):
        size = min(BLOCK, atoms - begin)
        n = near_bonds(given, species, radial_A, begin, size, starts, who, near, sound, tiled, tiled_shift)
        place(near, n, work)
        basis(near, n, work, f, df)
        _radial(species, radial, begin, size, starts, f, ones, few, q)
        m = close_bonds(species, angular_A, begin, size, starts, near, close_starts, at, close)
        place(close, m, work)
        basis(close, m, work, g, dg)
        harmonics(l_max, values, close[X, :m], close[Y, :m], close[Z, :m], m, work, harmonic)
        transposed(harmonic, n_harmonics, m, turned)
        for a in range(size):
            mine = species[begin + a] if n_elements > 1 else 0
            for kind in range(n_elements):
                low, high = close_starts[a * n_elements + kind], close_starts[a * n_elements + kind + 1]
                multiply(g[:, low:high], turned[low:high], sums[kind * terms : (kind + 1) * terms])
            multiply(angular[mine], sums, by_atom)
            for row in range(n_harmonics):
                for k in range(n_angular):
                    A[np.uintp(row), np.uintp(a * n_angular + k)] = by_atom[np.uintp(k), np.uintp(row)]
        invariants(l_max, four_body, five_body, size * n_angular, A, invariant)
        for row in range(n_invariants):
            for a in range(size):
                for k in range(n_angular):
                    q[n_radial + row * n_angular + k, a] = invariant[row, a * n_angular + k]
        network(weights, biases, output, species, begin, size, q, dq, of_block, hidden, dhidden, tried)
        for row in range(n_invariants):
            for a in range(size):
                for k in range(n_angular):
                    invariant[row, a * n_angular + k] = dq[n_radial + row * n_angular + k, a]
        _radial_backwards(species, radial, begin, size, starts, df, dq, one, near[SLOPE : SLOPE + 1])
        for k in range(n):
            along = near[SLOPE, k] * near[OVER, k]
            near[GX, k], near[GY, k], near[GZ, k] = along * near[X, k], along * near[Y, k], along * near[Z, k]
        invariants_backwards(l_max, four_body, five_body, size * n_angular, A, invariant, dA)
        for a in range(size):
            mine = species[begin + a] if n_elements > 1 else 0
            for row in range(n_harmonics):
                for k in range(n_angular):
                    by_atom[np.uintp(k), np.uintp(row)] = dA[np.uintp(row), np.uintp(a * n_angular + k)]
            multiply(angular[mine].T, by_atom, dsums)
            for kind in range(n_elements):
                low, high = close_starts[a * n_elements + kind], close_starts[a * n_elements + kind + 1]
                mine_of_sums = dsums[kind * terms : (kind + 1) * terms]
                multiply(dg[:, low:high].T, mine_of_sums, weight[low:high])
                dots(turned[low:high], weight[low:high], close[SLOPE, low:high])
                multiply(g[:, low:high].T, mine_of_sums, weight[low:high])
        transposed(weight.T, n_harmonics, m, harmonic.T)
        harmonics_backwards(
            l_max,
            values,
            slopes,
            close[Z, :m],
            m,
            work,
            harmonic,
            close[GX, :m],
            close[GY, :m],
            close[GZ, :m],
        )
        for k in range(m):
            u, v, w, over = close[X, k], close[Y, k], close[Z, k], close[OVER, k]
            tx, ty, tz = close[GX, k], close[GY, k], close[GZ, k]
            along = close[SLOPE, k] - over * (tx * u + ty * v + tz * w)
            p = np.uintp(at[k])
            near[GX, p] += along * u + over * tx
            near[GY, p] += along * v + over * ty
            near[GZ, p] += along * w + over * tz
        for a in range(size):
            i = begin + a
            energy = total(of_block[a] - bias)
            if repels:
                mine = species[i] if n_elements > 1 else 0
                for kind in range(n_elements):
                    low, high = starts[a * n_elements + kind], starts[a * n_elements + kind + 1]
                    energy += total(repulsion(zbl[mine, kind], near, low, high))
            fx = fy = fz = trace = total(0.0)
            for k in range(starts[a * n_elements], starts[(a + 1) * n_elements]):
                j = np.uintp(who[k])
                gx, gy, gz = total(near[GX, k]), total(near[GY, k]), total(near[GZ, k])
                u, v, w = total(near[X, k]), total(near[Y, k]), total(near[Z, k])
                fx += gx
                fy += gy
                fz += gz
                force_x[j] -= gx
                force_y[j] -= gy
                force_z[j] -= gz
                trace += u * gx + v * gy + w * gz
                six(stress, i, u, v, w, gx, gy, gz)
            force_x[i] += fx
            force_y[i] += fy
            force_z[i] += fz
            if stress.shape[0] == 1:
                stress[0, i] = trace
            if not sound[a]:
                # an atom with a bond that is no number has no energy and no force
                energy = total(np.nan)
                force_x[i] = force_y[i] = force_z[i] = energy
            energies[i] = energy
