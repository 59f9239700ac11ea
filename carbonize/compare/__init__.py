"""Protocols compared: effects with intervals that cover, tests, verdicts in words, and aligned curves."""
