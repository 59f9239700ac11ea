"""Study files of very small runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from exact.runs import small_protocol


def write_protocol(folder: Path, name: str, longer: float = 1.0, **dynamics: Any) -> Path:
    """A protocol of 400 steps of 64 atoms, or ``longer`` times as many."""
    content = small_protocol(folder, **dynamics)
    content["name"] = name
    for stage in content["schedule"]:
        stage["duration_ps"] *= longer
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def write_study(folder: Path, **changes: Any) -> Path:
    """A study of two protocols on one precursor, in ``folder``."""
    for name, longer in (("short", 1.0), ("long", 1.5)):
        if not (folder / f"{name}.yaml").exists():
            write_protocol(folder, name, longer)
    content = {
        "name": "tiny",
        "protocols": ["short.yaml", "long.yaml"],
        "precursors": ["diamond.extxyz"],
        "replicas": 1,
        "seed": 7,
        **changes,
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(content))
    return path
