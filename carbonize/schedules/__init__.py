"""Heating schedules: data in, temperature of the absolute step out."""

from carbonize.schedules.schedule import (
    Minimization,
    Pieces,
    Schedule,
    compile_schedule,
    same_clock,
    traced_pieces,
)

__all__ = ["Minimization", "Pieces", "Schedule", "compile_schedule", "same_clock", "traced_pieces"]
