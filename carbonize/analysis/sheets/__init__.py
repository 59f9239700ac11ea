"""Sheets of threefold carbon, and how they are stacked."""
