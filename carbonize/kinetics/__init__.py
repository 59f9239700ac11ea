"""How fast carbon converts, and what activation energy that speaks for."""

from carbonize.kinetics.curves import Curve, conversion_curves
from carbonize.kinetics.superposition import Calibration, calibrate

__all__ = ["Calibration", "Curve", "calibrate", "conversion_curves"]
