"""Made-up run folders, and pages made from them without OVITO (tested apart: it is slow to start)."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # fake_run is a helper, not a package

from fake_run import make_run


@dataclasses.dataclass(frozen=True)
class Made:
    """A run folder and the text of its page."""

    folder: Path
    text: str


def _draw_small_without_ovito(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("carbonize.report.canvas.has_ovito", lambda: False)
    patch.setattr("carbonize.report.pictures._SIZE", (240, 240))
    patch.setattr("carbonize.report.figures._DPI", 50)


@pytest.fixture
def without_ovito(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where OVITO is not installed."""
    _draw_small_without_ovito(monkeypatch)


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Made]:
    """Make a run folder with these options and its page; the same options share one."""
    from carbonize.report.page import write_report

    made: dict[str, Made] = {}

    def make(**options: Any) -> Made:
        key = repr(sorted(options.items()))
        if key not in made:
            folder = make_run(tmp_path_factory.mktemp("page") / "run", **options)
            with pytest.MonkeyPatch.context() as patch:
                _draw_small_without_ovito(patch)
                made[key] = Made(folder, write_report(folder).read_text(encoding="utf-8"))
        return made[key]

    return make
