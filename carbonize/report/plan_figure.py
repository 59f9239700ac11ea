"""The temperature that a protocol asks for, drawn before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from carbonize.config import RunConfig
from carbonize.report.clocks import add_laboratory_axes, common_scale
from carbonize.report.style import TEMPERATURE_COLOR, apply_style, new_figure, time_axis

__all__ = ["plan_figure"]


@apply_style
def plan_figure(config: RunConfig, plan: Mapping[str, Any]) -> Figure:
    """Simulated temperature against simulated time, with the furnace's clock where there is one.

    ``plan`` is what :func:`carbonize.planning.plan` gives for ``config``.
    """
    scale = common_scale(config)
    figure = new_figure(3.9)
    axes = figure.subplots()
    schedules = plan["schedules"]
    for i, schedule in enumerate(schedules):
        curve = schedule["curve"]
        color = TEMPERATURE_COLOR if len(schedules) == 1 else f"C{i}"
        axes.plot(curve["time_ps"], curve["temperature_K"], color=color, label=f"schedule {i}")
    axes.set_ylim(0.0, (1.08 if scale is None else 1.2) * max(s["hottest_K"] for s in schedules))
    axes.set_ylabel("simulated temperature (K)")
    time_axis(axes, plan["time_ps"])
    axes.set_xlabel("simulated time (ps)")
    if 1 < len(schedules) <= 10:
        axes.legend(loc="best")
    if scale is not None:
        add_laboratory_axes(axes, scale, plan["time_ps"])
        axes.annotate(
            f"{config.name}: Ea = {scale.activation_energy_eV:g} eV (assumed)",
            (0.02, 0.96), xycoords="axes fraction", va="top", fontsize=9,
        )  # fmt: skip
    return figure
