"""NEP for processors: the terms of :mod:`carbonize.potentials.nep`, a block of atoms after the other.

Of every atom only the neighbours that are there are visited, where arrays with slots have two to three times as
many. What is done to single bonds goes in rows over all bonds of a block; sums over an atom's bonds, expansion
coefficients and networks are products of small matrices (:mod:`carbonize.potentials.nep_loops.products`).

Bonds of an atom are sorted by the neighbour's element, so that each element's share of a sum is a range. All sums
run in the order of the lists: results depend neither on the room in any array nor on other replicas.
"""
