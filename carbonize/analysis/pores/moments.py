"""Volume, first and second moments of the void of each node.

A tetrahedron of the tessellation is cut into 24 orthoschemes: simplices that go from a vertex
to the foot on an edge, to that on a face, and to the tetrahedron's (power) centre. Each lies
in the Voronoi cell of its vertex, so that the void in it is what lies outside the ball of
that vertex. Orthoschemes of a centre beyond a face count as negative: for any connected
void the sum is that over the void itself.

Along rays from the vertex the integrals are exact, over the directions they are made with
Gauss-Legendre points between the limits at which the ball begins and ends to cut the ray.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numba import njit

__all__ = ["void_moments"]

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(3)
_POINTS, _WEIGHTS = (_POINTS + 1) / 2, _WEIGHTS / 2  # for the interval from 0 to 1

# vertices i, j, k and l: edge from i to j in the face with k, opposite l
_CORNERS = np.array(
    [(i, j, 6 - i - j - other, other) for i in range(4) for j in range(i) for other in range(4) if other not in (i, j)]
)  # fmt: skip


def void_moments(
    vertex: Float[np.ndarray, "node 4 3"],
    center: Float[np.ndarray, "node 3"],
    ball_radius: Float[np.ndarray, "node 4"],
) -> tuple[Float[np.ndarray, " node"], Float[np.ndarray, "node 3"], Float[np.ndarray, "node 3 3"]]:
    """Moments of the void outside balls around the vertices, about the centre of each node.

    Parameters
    ----------
    vertex, center
        Of the tetrahedra (A).
    ball_radius
        Radius (A) of the ball around each vertex: atom and probe.

    Returns
    -------
    volume, first, second
        Integrals of 1, r and r r^T, in A^3, A^4 and A^5. Only sums over a connected void, or
        over a pore, mean something; their relative error is a few 1e-4.
    """
    return _moments(vertex, center, ball_radius, _CORNERS, _POINTS, _WEIGHTS)


@njit(cache=True, nogil=True)
def _moments(vertex, center, ball_radius, corners, points, weights):
    count = len(vertex)
    volume = np.zeros(count)
    first = np.zeros((count, 3))
    second = np.zeros((count, 3, 3))
    frame = np.empty((3, 3))  # along the edge, in the face, normal to the face
    apex = np.empty(3)
    local = np.empty(10)  # 1; x, y, z; xx, yy, zz; xy, xz, yz
    for t in range(count):
        for c in range(len(corners)):
            i, j, k, other = corners[c, 0], corners[c, 1], corners[c, 2], corners[c, 3]
            length, x, depth = _set_frame(frame, vertex[t], center[t], i, j, k, other)
            y = 0.0
            for axis in range(3):
                y += (vertex[t, k, axis] - vertex[t, i, axis]) * frame[1, axis]
            ri, rj, rk = ball_radius[t, i], ball_radius[t, j], ball_radius[t, k]
            foot = (length**2 + ri**2 - rj**2) / (2 * length)
            height = (x * x + y * y - 2 * x * foot + ri**2 - rk**2) / (2 * y)
            for axis in range(3):
                apex[axis] = vertex[t, i, axis] - center[t, axis]
            _orthoscheme(foot, height, depth, ri, points, weights, local)
            _add(apex, frame, local, volume, first[t], second[t], t)
            for axis in range(3):  # the same edge from its other vertex
                frame[0, axis] = -frame[0, axis]
                apex[axis] = vertex[t, j, axis] - center[t, axis]
            if ri != rj:
                _orthoscheme(length - foot, height, depth, rj, points, weights, local)
            _add(apex, frame, local, volume, first[t], second[t], t)
    return volume, first, second


@njit(cache=True, nogil=True)
def _set_frame(frame, vertex, center, i, j, k, other):
    """Axes of an edge and a face; length of the edge, where k lies along it, depth of the centre."""
    length, x, y, depth, sense = 0.0, 0.0, 0.0, 0.0, 0.0
    for axis in range(3):
        length += (vertex[j, axis] - vertex[i, axis]) ** 2
    length = np.sqrt(length)
    for axis in range(3):
        frame[0, axis] = (vertex[j, axis] - vertex[i, axis]) / length
        x += (vertex[k, axis] - vertex[i, axis]) * frame[0, axis]
    for axis in range(3):
        frame[1, axis] = vertex[k, axis] - vertex[i, axis] - x * frame[0, axis]
        y += frame[1, axis] ** 2
    y = np.sqrt(y)
    for axis in range(3):
        frame[1, axis] /= y
    for axis in range(3):
        one, two = (axis + 1) % 3, (axis + 2) % 3
        frame[2, axis] = frame[0, one] * frame[1, two] - frame[0, two] * frame[1, one]
        sense += (vertex[other, axis] - vertex[i, axis]) * frame[2, axis]
        depth += (center[axis] - vertex[i, axis]) * frame[2, axis]
    if sense < 0.0:
        depth = -depth
        for axis in range(3):
            frame[2, axis] = -frame[2, axis]
    return length, x, depth


@njit(cache=True, nogil=True)
def _orthoscheme(foot, height, depth, radius, points, weights, local):
    """Moments of one orthoscheme outside the ball, in its own frame, about its vertex."""
    for m in range(10):
        local[m] = 0.0
    a, b, c = abs(foot), abs(height), abs(depth)
    if a * a + b * b + c * c <= radius * radius or a == 0.0 or b == 0.0 or c == 0.0:
        return
    sa, sb, sc = np.sign(foot), np.sign(height), np.sign(depth)
    inverse, jacobian = 1.0 / a, b * c / (a * a)
    a3 = a * a * a
    a4, a5 = a3 * a, a3 * a * a
    cut = radius * radius - a * a  # what the ball has beyond the edge's foot
    start, turn = 0.0, 0.0
    if cut > 0.0:
        start, turn = np.sqrt(cut / (b * b + c * c)), min(1.0, np.sqrt(cut) / b)
    for part in range(2):
        low, high = (start, turn) if part == 0 else (turn, 1.0)
        if high <= low:
            continue
        for m in range(len(points)):
            p = low + (high - low) * points[m]
            bottom = 0.0
            if part == 0:
                bottom = min(1.0, np.sqrt(max(cut - b * b * p * p, 0.0)) / (c * p))
            u = b * inverse * p
            stretch = 1.0 + u * u
            rise = c * inverse * p
            whole = weights[m] * (high - low) * (1.0 - bottom) * jacobian * p
            for q in range(len(points)):
                w = rise * (bottom + (1.0 - bottom) * points[q])
                near = radius / np.sqrt(stretch + w * w)
                if near >= a:
                    continue
                measure = whole * weights[q]
                near3 = near * near * near
                zeroth = measure * (a3 - near3) * (1.0 / 3.0)
                linear = measure * (a4 - near3 * near) * 0.25
                square = measure * (a5 - near3 * near * near) * 0.2
                local[0] += zeroth
                local[1] += linear
                local[2] += linear * u
                local[3] += linear * w
                local[4] += square
                local[5] += square * u * u
                local[6] += square * w * w
                local[7] += square * u
                local[8] += square * w
                local[9] += square * u * w
    for m in range(10):
        local[m] *= sa * sb * sc
    local[1] *= sa
    local[2] *= sb
    local[3] *= sc
    local[7] *= sa * sb
    local[8] *= sa * sc
    local[9] *= sb * sc


@njit(cache=True, nogil=True)
def _add(apex, frame, local, volume, first, second, t):
    """Turn an orthoscheme's moments into the common frame and add them to its node's."""
    volume[t] += local[0]
    for i in range(3):
        fi, gi, hi = frame[0, i], frame[1, i], frame[2, i]
        moment = local[1] * fi + local[2] * gi + local[3] * hi
        first[i] += moment + local[0] * apex[i]
        # rows of the second moment: the tensor times axis i
        row_f = local[4] * fi + local[7] * gi + local[8] * hi
        row_g = local[7] * fi + local[5] * gi + local[9] * hi
        row_h = local[8] * fi + local[9] * gi + local[6] * hi
        for j in range(3):
            inner = row_f * frame[0, j] + row_g * frame[1, j] + row_h * frame[2, j]
            other = local[1] * frame[0, j] + local[2] * frame[1, j] + local[3] * frame[2, j]
            second[i, j] += inner + apex[i] * other + moment * apex[j] + local[0] * apex[i] * apex[j]
