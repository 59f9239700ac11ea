"""Heating schedules: data in, temperature of the absolute step out."""

from carbonize.schedules.arrhenius import relative_rate, thermal_dose
from carbonize.schedules.schedule import (
    Minimization,
    Pieces,
    Schedule,
    compile_protocol,
    compile_schedule,
    same_clock,
    traced_pieces,
)

__all__ = [
    "Minimization",
    "Pieces",
    "Schedule",
    "compile_protocol",
    "compile_schedule",
    "relative_rate",
    "same_clock",
    "thermal_dose",
    "traced_pieces",
]
