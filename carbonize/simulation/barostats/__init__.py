"""Barostats."""

from carbonize.simulation.barostats.cell_rescaling import CellRescaling

__all__ = ["CellRescaling"]
