"""How pores are followed."""

from __future__ import annotations

import dataclasses
from typing import Any

from carbonize.config.models import AnalysisConfig

__all__ = ["SMALLEST_SHARE", "SMALLEST_SHARE_KEPT", "SMALLEST_SHARE_OF_LARGER", "Settings"]

SMALLEST_SHARE = 0.2
"""Part of the smaller of two pores that they must share to be one pore at two times."""

SMALLEST_SHARE_OF_LARGER = 0.1
"""Part of the larger one: a scrap in a corner of a great pore is not that pore."""

SMALLEST_SHARE_KEPT = 0.5
"""Part of a pore that must lie in another to have merged with it, or have been split from it."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How pores are found and followed.

    Attributes
    ----------
    analysis
        Radii, probes, persistence and class limits; ``analysis.tracking`` has the hysteresis.
    on
        What the frames are: "frame" as they were written, "averaged" over ``window`` neighbouring
        frames, or "inherent" (minimised).
    window
        Number of frames that are averaged.
    every
        Every how many frames of the trajectory one was looked at.
    """

    analysis: AnalysisConfig = dataclasses.field(default_factory=AnalysisConfig)
    on: str = "frame"
    window: int = 1
    every: int = 1

    @property
    def thresholds_A(self) -> dict[str, float]:
        """Entrance diameters that matter, from narrow to wide: probes and class limits."""
        limits = self.analysis.class_limits_A
        named = {
            "closed": limits.closed_A,
            "quasi-closed": limits.quasi_closed_A,
            "open": limits.open_A,
            **{f"probe {name}": diameter for name, diameter in self.analysis.probes_A.items()},
        }
        return dict(sorted(named.items(), key=lambda item: item[1]))

    def described(self) -> dict[str, Any]:
        """The settings as tracking.json states them."""
        analysis, hysteresis = self.analysis, self.analysis.tracking
        return {
            "structures": self.on,
            "averaged_frames": self.window if self.on == "averaged" else None,
            "every": self.every,
            "radii_A": dict(analysis.radii_A),
            "probes_A": dict(analysis.probes_A),
            "persistence_A": analysis.persistence_A,
            "class_limits_A": analysis.class_limits_A.model_dump(),
            "hysteresis": {
                "hold_frames": hysteresis.hold_frames,
                "hysteresis_A": hysteresis.hysteresis_A,
                "gap_frames": hysteresis.gap_frames,
                "hysteresis_noise": hysteresis.hysteresis_noise,
                "meaning": (
                    "h is hysteresis_A, or hysteresis_noise standard deviations of the pore's entrance about "
                    "its course if that is more; each frame beyond a limit by d weighs min(1, d / h)^2; an "
                    "excursion counts if it weighs more than hold_frames - 1/2, half of that where it lasts to "
                    "the end; a pore seen in fewer than hold_frames frames, or never hysteresis_A wider than helium, has "
                    "no events; one that is back at its place after at most gap_frames frames was never gone"
                ),
            },
            "smallest_share": SMALLEST_SHARE,
            "smallest_share_of_larger": SMALLEST_SHARE_OF_LARGER,
            "smallest_share_kept": SMALLEST_SHARE_KEPT,
        }
