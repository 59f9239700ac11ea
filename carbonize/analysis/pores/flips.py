"""A power tessellation that follows its weights from one level to the next.

When the weights of the atoms are linear functions of a level, so is the test whether two
neighbouring tetrahedra belong to the regular (weighted Delaunay) tessellation: each fails at
one level, where five atoms are lifted to one hyperplane and the tetrahedra on one side of
these five atoms are exchanged for those on the other (Edelsbrunner and Shah, Algorithmica 15
(1996) 223). Starting from the Delaunay tessellation, all tessellations between two levels
are found in turn, without images and at the cost of what changes. An atom whose ball is
so covered by others that it has no cell is taken out, and put back when it has one again.

The history is kept: each tetrahedron with the levels between which it lived, and the edges
of the network through which its void was connected (:mod:`carbonize.analysis.pores.opening`).
"""

from __future__ import annotations

import heapq

import numpy as np
from numba import njit

from carbonize.analysis.pores.opening import largest_hold, largest_opening, power_center
from carbonize.analysis.pores.tessellation import vertex_at

__all__ = ["advance", "close_history", "count_irregular"]

_TOLERANCE = 1e-10
"""Relative rounding of the regularity test that is allowed."""


@njit(cache=True, nogil=True)
def _room_for_five():
    """Arrays for five atoms: their numbers, shifts, coefficients, order, and four differences."""
    return (
        np.empty(5, np.int64),
        np.empty((5, 3), np.int64),
        np.empty(5),
        np.empty(5, np.int64),
        np.empty((4, 3)),
    )


@njit(cache=True, nogil=True)
def _before(one, other, atoms, shifts):
    """Whether point ``one`` of five comes before ``other`` in an order that no translation changes."""
    if atoms[one] != atoms[other]:
        return atoms[one] < atoms[other]
    for k in range(3):
        if shifts[one, k] != shifts[other, k]:
            return shifts[one, k] < shifts[other, k]
    return False


@njit(cache=True, nogil=True)
def _circuit(points, vectors, constant, slope, five):
    """The one affine dependence of five atoms, and how their lifted points depend on the level.

    Fills the coefficients of the dependence into ``five`` (see :func:`_room_for_five`). Returns a, b and the size of the
    terms: the coefficients times the lifted heights add up to a + b level. The same five atoms
    give the same numbers to the last bit, in whatever order and image they come.
    """
    atoms, shifts, signs, order, u = five
    for i in range(5):
        order[i] = i
        k = i
        while k > 0 and _before(order[k], order[k - 1], atoms, shifts):
            order[k], order[k - 1] = order[k - 1], order[k]
            k -= 1
    first = order[0]
    for i in range(4):
        other = order[i + 1]
        for axis in range(3):
            u[i, axis] = points[atoms[other], axis] - points[atoms[first], axis]
        for k in range(3):
            step = shifts[other, k] - shifts[first, k]
            if step != 0:
                for axis in range(3):
                    u[i, axis] += step * vectors[k, axis]
    a, b, size, total = 0.0, 0.0, 0.0, 0.0
    for i in range(4):
        p, q, r = (i + 1) & 3, (i + 2) & 3, (i + 3) & 3
        value = (
            u[p, 0] * (u[q, 1] * u[r, 2] - u[q, 2] * u[r, 1])
            + u[p, 1] * (u[q, 2] * u[r, 0] - u[q, 0] * u[r, 2])
            + u[p, 2] * (u[q, 0] * u[r, 1] - u[q, 1] * u[r, 0])
        )
        if i % 2:
            value = -value
        other = order[i + 1]
        signs[other] = value
        total += value
        square = u[i, 0] ** 2 + u[i, 1] ** 2 + u[i, 2] ** 2
        height = square - (constant[atoms[other]] - constant[atoms[first]])
        a += value * height
        b -= value * (slope[atoms[other]] - slope[atoms[first]])
        size += abs(value) * square
    signs[first] = -total
    return a, b, size


@njit(cache=True, nogil=True)
def _five(atom, shift, neighbor, neighbor_shift, neighbor_face, t, face, five):
    """The atoms of a tetrahedron and the one behind a face: the face's, then the two others."""
    atoms, shifts = five[0], five[1]
    for k in range(4):
        v = (face + 1 + k) & 3
        atoms[k] = atom[t, v]
        for axis in range(3):
            shifts[k, axis] = shift[t, v, axis]
    other, back = neighbor[t, face], neighbor_face[t, face]
    atoms[4] = atom[other, back]
    for k in range(3):
        shifts[4, k] = shift[other, back, k] + neighbor_shift[t, face, k]


@njit(cache=True, nogil=True)
def _hidden_five(atom, shift, t, hidden, hidden_shift, five):
    """The atoms of a tetrahedron, then a hidden atom that lies in it."""
    atoms, shifts = five[0], five[1]
    for v in range(4):
        atoms[v] = atom[t, v]
        shifts[v] = shift[t, v]
    atoms[4] = hidden
    shifts[4] = hidden_shift[hidden]


@njit(cache=True, nogil=True)
def _failing_level(a, b, sign, now):
    """Level, not below ``now``, at which a test that holds while sign (a + b level) > 0 fails."""
    if sign < 0.0:
        a, b = -a, -b
    if sign == 0.0 or b >= 0.0:
        return np.inf
    return max(now, -a / b)


@njit(cache=True, nogil=True)
def count_irregular(state, setting, now):
    """Number of faces and hidden atoms that fail the regularity test at level ``now``."""
    atom, shift, neighbor, neighbor_shift, neighbor_face, _, death, first_hidden, _ = state[:9]
    next_hidden, hidden_shift = state[9], state[10]
    points, vectors, constant, slope, _, counts = setting
    five = _room_for_five()
    signs = five[2]
    bad = 0
    for t in range(counts[0]):
        if death[t] < np.inf:
            continue
        for face in range(4):
            other = neighbor[t, face]
            if 4 * t + face < 4 * other + neighbor_face[t, face]:
                _five(atom, shift, neighbor, neighbor_shift, neighbor_face, t, face, five)
                a, b, size = _circuit(points, vectors, constant, slope, five)
                value = np.copysign(1.0, signs[3]) * (a + b * now)
                bad += value < -_TOLERANCE * size
        h = first_hidden[t]
        while h >= 0:
            _hidden_five(atom, shift, t, h, hidden_shift, five)
            a, b, size = _circuit(points, vectors, constant, slope, five)
            value = np.copysign(1.0, signs[4]) * (a + b * now)
            bad += value < -_TOLERANCE * size
            h = next_hidden[h]
    return bad


@njit(cache=True, nogil=True)
def _push(heap, state, setting, t, once, now, target, five):
    """Queue the levels at which the faces and the hidden atoms of a tetrahedron fail.

    ``once``: leave out faces that the tetrahedron with the smaller number will queue.
    """
    atom, shift, neighbor, neighbor_shift, neighbor_face = state[:5]
    first_hidden, next_hidden, hidden_shift = state[7], state[9], state[10]
    points, vectors, constant, slope = setting[:4]
    atoms, signs = five[0], five[2]
    for face in range(4):
        if once and neighbor[t, face] < t:
            continue
        _five(atom, shift, neighbor, neighbor_shift, neighbor_face, t, face, five)
        s = slope[atoms[0]]
        if s == slope[atoms[1]] == slope[atoms[2]] == slope[atoms[3]] == slope[atoms[4]]:
            continue
        a, b, _ = _circuit(points, vectors, constant, slope, five)
        level = _failing_level(a, b, signs[3], now)
        if level <= target:
            heapq.heappush(heap, (level, np.int64(t), np.int64(face), np.int64(neighbor[t, face])))
    h = first_hidden[t]
    while h >= 0:
        _hidden_five(atom, shift, t, h, hidden_shift, five)
        a, b, _ = _circuit(points, vectors, constant, slope, five)
        level = _failing_level(a, b, signs[4], now)
        if level <= target:
            heapq.heappush(heap, (level, np.int64(t), np.int64(-1), np.int64(h)))
        h = next_hidden[h]


@njit(cache=True, nogil=True)
def _hold(state, setting, t, high):
    """Largest level at which a tetrahedron's power centre lay in the void up to now."""
    atom, shift, birth = state[0], state[1], state[5]
    points, vectors, radii = setting[0], setting[1], setting[4]
    corner, radius = np.empty((4, 3)), np.empty(4)
    for v in range(4):
        corner[v, 0], corner[v, 1], corner[v, 2] = vertex_at(points, vectors, atom, shift, t, v)
        radius[v] = radii[atom[t, v]]
    return largest_hold(corner, radius, birth[t], high)


@njit(cache=True, nogil=True)
def _close_face(state, setting, edges, t, face, high):
    """Write down the edge through a face that exists up to the level ``high``."""
    atom, shift, neighbor, neighbor_shift, neighbor_face, birth = state[:6]
    points, vectors, _, _, radii, counts = setting
    other, back = neighbor[t, face], neighbor_face[t, face]
    corner, radius = np.empty((5, 3)), np.empty(5)
    for k in range(4):
        v = (face + 1 + k) & 3  # the face's three, then the one opposite
        corner[k, 0], corner[k, 1], corner[k, 2] = vertex_at(points, vectors, atom, shift, t, v)
        radius[k] = radii[atom[t, v]]
    x, y, z = vertex_at(points, vectors, atom, shift, other, back)
    for k in range(3):
        step = neighbor_shift[t, face, k]
        x += step * vectors[k, 0]
        y += step * vectors[k, 1]
        z += step * vectors[k, 2]
    corner[4, 0], corner[4, 1], corner[4, 2] = x, y, z
    radius[4] = radii[atom[other, back]]
    level = largest_opening(corner, radius, max(birth[t], birth[other]), high)
    if level > 0.0:
        first, second, capacity, winding = edges
        e = counts[1]
        first[e], second[e], capacity[e] = t, other, level
        winding[e] = neighbor_shift[t, face]
        counts[1] += 1


@njit(cache=True, nogil=True)
def close_history(state, setting, edges, top, now):
    """Write down what the tetrahedra still alive at the last level leave behind."""
    neighbor, neighbor_face, death = state[2], state[4], state[6]
    counts = setting[5]
    for t in range(counts[0]):
        if death[t] < np.inf:
            continue
        top[t] = _hold(state, setting, t, now)
        for face in range(4):
            if 4 * t + face < 4 * neighbor[t, face] + neighbor_face[t, face]:
                _close_face(state, setting, edges, t, face, now)


@njit(cache=True, nogil=True)
def _position(old, vertices):
    """Place of one of the five atoms among those of the tetrahedron that lacks another."""
    return old if old < vertices else old - 1


@njit(cache=True, nogil=True)
def _flip(state, setting, edges, top, record, now, base, atoms, shifts, old, offset, new):
    """Exchange the tetrahedra on one side of five atoms for those on the other.

    ``old[i]`` is the tetrahedron without atom ``i``, -1 if that is on the other side, and
    ``offset[i]`` the lattice translation that brings it into the frame of ``base``, in which
    the atoms are given. Returns the number of new tetrahedra, whose numbers are put into ``new``.
    """
    atom, shift, neighbor, neighbor_shift, neighbor_face, birth, death, first_hidden, host = state[:9]
    next_hidden, hidden_shift = state[9], state[10]
    points, vectors, counts = setting[0], setting[1], setting[5]
    place = np.full((5, 5), -1)  # of each atom in each old tetrahedron
    for i in range(5):
        if old[i] >= 0:
            for v in range(4):
                for j in range(5):
                    if (
                        atom[old[i], v] == atoms[j]
                        and shift[old[i], v, 0] + offset[i, 0] == shifts[j, 0]
                        and shift[old[i], v, 1] + offset[i, 1] == shifts[j, 1]
                        and shift[old[i], v, 2] + offset[i, 2] == shifts[j, 2]
                    ):
                        place[i, j] = v
    if record:
        for i in range(5):
            if old[i] >= 0:
                t = old[i]
                top[t] = _hold(state, setting, t, now)
                for face in range(4):
                    n = neighbor[t, face]
                    dies = False
                    for k in range(5):
                        dies |= old[k] == n
                    if not dies or 4 * t + face < 4 * n + neighbor_face[t, face]:
                        _close_face(state, setting, edges, t, face, now)

    made = np.full(5, -1)
    count = 0
    for j in range(5):
        if old[j] < 0:
            t = counts[0]
            counts[0] += 1
            made[j] = t
            new[count] = t
            count += 1
            for k in range(5):
                if k != j:
                    v = _position(k, j)
                    atom[t, v] = atoms[k]
                    shift[t, v] = shifts[k]
            birth[t], death[t], first_hidden[t] = now, np.inf, -1
    for i in range(5):
        if old[i] < 0:
            continue
        for j in range(5):
            if old[j] >= 0:
                continue
            face = place[i, j]
            n, back = neighbor[old[i], face], neighbor_face[old[i], face]
            moved = neighbor_shift[old[i], face] + offset[i]
            t, mine = made[j], _position(i, j)
            twin = -1
            for k in range(5):
                if old[k] == n:
                    twin = k
            if twin >= 0:  # an image of the five: its new tetrahedron lies behind this face
                for k in range(5):
                    if place[twin, k] == back:
                        neighbor[t, mine] = made[k]
                        neighbor_face[t, mine] = _position(twin, k)
                neighbor_shift[t, mine] = moved - offset[twin]
            else:
                neighbor[t, mine] = n
                neighbor_face[t, mine] = back
                neighbor_shift[t, mine] = moved
                neighbor[n, back] = t
                neighbor_face[n, back] = mine
                neighbor_shift[n, back] = -moved
    for j in range(5):
        for k in range(5):
            if j != k and made[j] >= 0 and made[k] >= 0:
                neighbor[made[j], _position(k, j)] = made[k]
                neighbor_face[made[j], _position(k, j)] = _position(j, k)
                neighbor_shift[made[j], _position(k, j)] = 0
    for i in range(5):
        if old[i] >= 0:
            death[old[i]] = now
    if record:
        corner, radius = np.empty((4, 3)), np.empty(4)
        for v in range(4):
            corner[v, 0], corner[v, 1], corner[v, 2] = vertex_at(points, vectors, atom, shift, base, v)
            radius[v] = setting[4][atom[base, v]]
        constant, linear, quadratic = power_center(corner, radius)[2:]
        if constant + (linear + quadratic * now) * now > 0.0:
            # at this level the power centres of all of them are one point
            first, second, capacity, winding = edges
            e = counts[1]
            first[e], second[e], capacity[e] = base, new[0], now
            winding[e] = 0
            counts[1] += 1

    # hidden atoms: one that lost its cell or found one, and those that lay in the old tetrahedra
    olds = 0
    for i in range(5):
        olds += old[i] >= 0
    for i in range(5):
        if old[i] < 0:
            continue
        h = first_hidden[old[i]]
        first_hidden[old[i]] = -1
        while h >= 0:
            after = next_hidden[h]
            if olds == 1 and h == atoms[i]:
                host[h] = -1
            else:
                hidden_shift[h] = hidden_shift[h] + offset[i]
                _house(state, points, vectors, h, new, count)
            h = after
    if count == 1:
        for j in range(5):
            if old[j] < 0:
                hidden_shift[atoms[j]] = shifts[j]
                _house(state, points, vectors, atoms[j], new, count)
    return count


@njit(cache=True, nogil=True)
def _house(state, points, vectors, h, new, count):
    """Put a hidden atom into that of some tetrahedra that contains it."""
    atom, shift, first_hidden, host = state[0], state[1], state[7], state[8]
    next_hidden, hidden_shift = state[9], state[10]
    position = points[h].copy()
    for k in range(3):
        position += hidden_shift[h, k] * vectors[k]
    best, most = new[0], -np.inf
    corner = np.empty((4, 3))
    for n in range(count):
        for v in range(4):
            corner[v, 0], corner[v, 1], corner[v, 2] = vertex_at(points, vectors, atom, shift, new[n], v)
        whole = _volume(corner[0], corner[1], corner[2], corner[3])
        least = np.inf
        for v in range(4):
            kept = corner[v].copy()
            corner[v] = position
            least = min(least, _volume(corner[0], corner[1], corner[2], corner[3]) / whole)
            corner[v] = kept
        if least > most:
            best, most = new[n], least
    host[h] = best
    next_hidden[h] = first_hidden[best]
    first_hidden[best] = h


@njit(cache=True, nogil=True)
def _volume(a, b, c, d):
    u, v, w = b - a, c - a, d - a
    return (
        u[0] * (v[1] * w[2] - v[2] * w[1])
        + u[1] * (v[2] * w[0] - v[0] * w[2])
        + u[2] * (v[0] * w[1] - v[1] * w[0])
    )


@njit(cache=True, nogil=True)
def advance(state, setting, edges, top, record, now, target):
    """Follow the tessellation from level ``now`` to ``target``.

    ``state``: arrays of tetrahedra (atom, shift, neighbor, neighbor_shift, neighbor_face, birth,
    death, first_hidden) and of atoms (host, next_hidden, hidden_shift). ``setting``: points,
    vectors, the weights' values at level 0 and their slopes, radii, and the numbers of
    tetrahedra and edges. ``edges``: first, second, capacity, winding. ``top``: largest level at
    which each tetrahedron held void. Returns the level reached: less than ``target`` if the
    arrays are full.
    """
    atom, shift, neighbor, neighbor_shift, neighbor_face, _, death, _, host = state[:9]
    hidden_shift = state[10]
    points, vectors, constant, slope, _, counts = setting
    five = _room_for_five()
    atoms, shifts, signs = five[0], five[1], five[2]
    old, offset, new = np.empty(5, np.int64), np.zeros((5, 3), np.int64), np.empty(5, np.int64)
    heap = [(np.inf, np.int64(0), np.int64(0), np.int64(0))]
    for t in range(counts[0]):
        if death[t] == np.inf:
            _push(heap, state, setting, t, True, now, target, five)
    while heap[0][0] <= target:
        level, t, face, other = heap[0]
        if counts[0] + 4 > len(atom) or counts[1] + 20 > len(edges[0]):
            return now
        heapq.heappop(heap)
        if death[t] < np.inf:
            continue
        old[:] = -1
        offset[:] = 0
        if face < 0:
            if host[other] != t:
                continue
            _hidden_five(atom, shift, t, other, hidden_shift, five)
            _circuit(points, vectors, constant, slope, five)
            inside = True
            for v in range(4):
                inside &= signs[v] * signs[4] < 0.0
            if not inside:
                continue
            old[4] = t
        else:
            if neighbor[t, face] != other or death[other] < np.inf:
                continue
            _five(atom, shift, neighbor, neighbor_shift, neighbor_face, t, face, five)
            _circuit(points, vectors, constant, slope, five)
            old[4], old[3] = t, other
            offset[3] = neighbor_shift[t, face]
            possible = signs[3] * signs[4] > 0.0
            for k in range(3):
                if signs[k] == 0.0:
                    possible = False
                elif signs[k] * signs[3] > 0.0:
                    v = (face + 1 + k) & 3
                    third, apex = neighbor[t, v], neighbor_face[t, v]
                    old[k] = third
                    offset[k] = neighbor_shift[t, v]
                    possible &= atom[third, apex] == atoms[4]
                    for axis in range(3):
                        possible &= shift[third, apex, axis] + offset[k, axis] == shifts[4, axis]
            if not possible:  # another exchange at the same level has to come first
                continue
        now = max(now, level)
        count = _flip(state, setting, edges, top, record, now, t, atoms, shifts, old, offset, new)
        for k in range(count):
            _push(heap, state, setting, new[k], False, now, target, five)
    return target
