"""Signs of the determinants that a Delaunay tessellation rests on.

Each is computed in double precision with a bound on its rounding; when the bound does not
settle the sign, again in double-double arithmetic (about 32 digits; Dekker, Numer. Math.
18 (1971) 224), after Shewchuk, Discrete Comput. Geom. 18 (1997) 305.
"""

from __future__ import annotations

from numba import njit

__all__ = ["in_sphere", "orientation"]

_ORIENTATION_BOUND = 1e-15
_SPHERE_BOUND = 4e-15
_SPLITTER = 134217729.0  # 2**27 + 1


@njit(cache=True, nogil=True, inline="always")
def _difference(a, b):
    """a - b and its rounding."""
    s = a - b
    v = s - a
    return s, (a - (s - v)) - (b + v)


@njit(cache=True, nogil=True)
def _add(ah, al, bh, bl):
    s = ah + bh
    v = s - ah
    e = (ah - (s - v)) + (bh - v) + al + bl
    high = s + e
    return high, e - (high - s)


@njit(cache=True, nogil=True)
def _multiply(ah, al, bh, bl):
    p = ah * bh
    c = _SPLITTER * ah
    a1 = c - (c - ah)
    a2 = ah - a1
    c = _SPLITTER * bh
    b1 = c - (c - bh)
    b2 = bh - b1
    e = a2 * b2 - (((p - a1 * b1) - a2 * b1) - a1 * b2) + (ah * bl + al * bh)
    high = p + e
    return high, e - (high - p)


@njit(cache=True, nogil=True)
def _minor(ah, al, bh, bl, ch, cl, dh, dl):
    """a d - b c."""
    ph, pl = _multiply(ah, al, dh, dl)
    qh, ql = _multiply(bh, bl, ch, cl)
    return _add(ph, pl, -qh, -ql)


@njit(cache=True, nogil=True)
def _exact_rows(points, a, b, c, d):
    """Differences of three points to the fourth, as (row, axis, high and low)."""
    rows = ((points[a], points[d]), (points[b], points[d]), (points[c], points[d]))
    found = []
    for one, other in rows:
        x, xl = _difference(one[0], other[0])
        y, yl = _difference(one[1], other[1])
        z, zl = _difference(one[2], other[2])
        found.append((x, xl, y, yl, z, zl))
    return found


@njit(cache=True, nogil=True)
def _exact_triple(u, v, w):
    """u . (v x w) in double-double."""
    ah, al = _minor(v[2], v[3], v[4], v[5], w[2], w[3], w[4], w[5])
    bh, bl = _minor(v[4], v[5], v[0], v[1], w[4], w[5], w[0], w[1])
    ch, cl = _minor(v[0], v[1], v[2], v[3], w[0], w[1], w[2], w[3])
    ah, al = _multiply(u[0], u[1], ah, al)
    bh, bl = _multiply(u[2], u[3], bh, bl)
    ch, cl = _multiply(u[4], u[5], ch, cl)
    ah, al = _add(ah, al, bh, bl)
    return _add(ah, al, ch, cl)


@njit(cache=True, nogil=True)
def _exact_square(u):
    ah, al = _multiply(u[0], u[1], u[0], u[1])
    bh, bl = _multiply(u[2], u[3], u[2], u[3])
    ch, cl = _multiply(u[4], u[5], u[4], u[5])
    ah, al = _add(ah, al, bh, bl)
    return _add(ah, al, ch, cl)


@njit(cache=True, nogil=True)
def orientation(points, a, b, c, d):
    """Positive if b - a, c - a, d - a are right-handed; six times the tetrahedron's volume."""
    ux, uy, uz = points[a, 0] - points[d, 0], points[a, 1] - points[d, 1], points[a, 2] - points[d, 2]
    vx, vy, vz = points[b, 0] - points[d, 0], points[b, 1] - points[d, 1], points[b, 2] - points[d, 2]
    wx, wy, wz = points[c, 0] - points[d, 0], points[c, 1] - points[d, 1], points[c, 2] - points[d, 2]
    vywz, vzwy, vzwx, vxwz, vxwy, vywx = vy * wz, vz * wy, vz * wx, vx * wz, vx * wy, vy * wx
    value = ux * (vywz - vzwy) + uy * (vzwx - vxwz) + uz * (vxwy - vywx)
    size = (
        abs(ux) * (abs(vywz) + abs(vzwy))
        + abs(uy) * (abs(vzwx) + abs(vxwz))
        + abs(uz) * (abs(vxwy) + abs(vywx))
    )
    if abs(value) > _ORIENTATION_BOUND * size:
        return -value
    rows = _exact_rows(points, a, b, c, d)
    return -_exact_triple(rows[0], rows[1], rows[2])[0]


@njit(cache=True, nogil=True)
def in_sphere(points, a, b, c, d, p):
    """Positive if p lies inside the circumsphere of the right-handed tetrahedron a, b, c, d."""
    x, y, z = points[p, 0], points[p, 1], points[p, 2]
    ax, ay, az = points[a, 0] - x, points[a, 1] - y, points[a, 2] - z
    bx, by, bz = points[b, 0] - x, points[b, 1] - y, points[b, 2] - z
    cx, cy, cz = points[c, 0] - x, points[c, 1] - y, points[c, 2] - z
    dx, dy, dz = points[d, 0] - x, points[d, 1] - y, points[d, 2] - z
    axby, bxay, bxcy, cxby = ax * by, bx * ay, bx * cy, cx * by
    cxdy, dxcy, dxay, axdy = cx * dy, dx * cy, dx * ay, ax * dy
    axcy, cxay, bxdy, dxby = ax * cy, cx * ay, bx * dy, dx * by
    ab, bc, cd, da, ac, bd = axby - bxay, bxcy - cxby, cxdy - dxcy, dxay - axdy, axcy - cxay, bxdy - dxby
    aa, bb = ax * ax + ay * ay + az * az, bx * bx + by * by + bz * bz
    cc, dd = cx * cx + cy * cy + cz * cz, dx * dx + dy * dy + dz * dz
    abc, bcd = az * bc - bz * ac + cz * ab, bz * cd - cz * bd + dz * bc
    cda, dab = cz * da + dz * ac + az * cd, dz * ab + az * bd + bz * da
    value = (dd * abc - cc * dab) + (bb * cda - aa * bcd)
    sab, sbc, scd = abs(axby) + abs(bxay), abs(bxcy) + abs(cxby), abs(cxdy) + abs(dxcy)
    sda, sac, sbd = abs(dxay) + abs(axdy), abs(axcy) + abs(cxay), abs(bxdy) + abs(dxby)
    za, zb, zc, zd = abs(az), abs(bz), abs(cz), abs(dz)
    size = (
        dd * (za * sbc + zb * sac + zc * sab)
        + cc * (zd * sab + za * sbd + zb * sda)
        + bb * (zc * sda + zd * sac + za * scd)
        + aa * (zb * scd + zc * sbd + zd * sbc)
    )
    if abs(value) > _SPHERE_BOUND * size:
        return -value
    return -_exact_in_sphere(points, a, b, c, d, p)


@njit(cache=True, nogil=True)
def _exact_in_sphere(points, a, b, c, d, p):
    rows = _exact_rows(points, a, b, c, p)
    last = _exact_rows(points, d, d, d, p)[0]
    u, v, w = rows[0], rows[1], rows[2]
    total_h, total_l = 0.0, 0.0
    terms = ((last, u, v, w, 1.0), (w, last, u, v, -1.0), (v, w, last, u, 1.0), (u, v, w, last, -1.0))
    for one, i, j, k, sign in terms:
        sh, sl = _exact_square(one)
        th, tl = _exact_triple(i, j, k)
        th, tl = _multiply(sh, sl, th, tl)
        total_h, total_l = _add(total_h, total_l, sign * th, sign * tl)
    return total_h
