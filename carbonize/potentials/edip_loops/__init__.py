"""Carbon EDIP for processors: the terms of :mod:`carbonize.potentials.edip`, atom by atom.

Three rounds over the atoms: neighbours, z and M; everything up to dE/dZ, with what it means for the
neighbours' z and M; then the bonds that z and M are made of. Neighbours that count for z (nearer than
f_high) are kept in one list with their tapers, the others up to c0 in a second one. All sums run in the
order of the slots: results depend neither on the room in any array nor on other replicas.

The formulas stand here once; numba compiles them for the types they are called with. All arithmetic has the
precision of the results, so runs in float32 are single throughout and ``mixed`` ones double. Constants are made
to match (``real(2.0)``, ``like(x, 2.0)``): one plain literal would make double what it meets.

Symmetric matrices are six numbers: xx, yy, zz, yz, xz, xy.
"""
