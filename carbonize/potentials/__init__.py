"""Interatomic potentials: energies and forces from the vectors to an atom's neighbours."""

from __future__ import annotations

from carbonize.potentials.base import Bonds, Capacity, Evaluation, Potential
from carbonize.potentials.factory import make_potential

__all__ = ["Bonds", "Capacity", "Evaluation", "Potential", "make_potential"]
