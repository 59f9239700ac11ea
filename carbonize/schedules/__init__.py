"""Heating schedules: data in, temperature of the absolute step out."""

from carbonize.schedules.schedule import Schedule, compile_schedule

__all__ = ["Schedule", "compile_schedule"]
