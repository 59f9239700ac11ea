"""Carbon EDIP for processors: the terms of :mod:`carbonize.potentials.edip`, atom by atom.

Three rounds over the atoms: neighbours, z and M; everything up to dE/dZ, with what it means for the
neighbours' z and M; then the bonds that z and M are made of. Neighbours that count for z (nearer than
f_high) are kept in one list with their tapers, the others up to c0 in a second one. All arithmetic is
in double precision, whatever the arrays hold, and all sums run in the order of the slots: results
depend neither on the room in any array nor on other replicas.

Symmetric matrices are six numbers: xx, yy, zz, yz, xz, xy.
"""
