"""The page of a comparison: complete, self-contained, verdicts first."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "compare"))

import fake_run
from study_folders import make_study

from carbonize.compare.comparison import Options, compare
from carbonize.compare.curves import curves_dataset
from carbonize.report.comparison_page import write_comparison_page

_VOID = {"meta", "img", "br", "link", "hr", "input"}


class _Checker(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.images += [value or "" for name, value in attrs if name == "src"]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(autouse=True)
def _small_and_without_ovito(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbonize.report.canvas.has_ovito", lambda: False)
    monkeypatch.setattr("carbonize.report.comparison_pictures._SIZE", (160, 160))
    monkeypatch.setattr("carbonize.report.comparison_figures._DPI", 40)


def page_of(paths: list[Path], folder: Path, options: Options | None = None) -> str:
    found = compare(paths, options)
    folder.mkdir()
    return write_comparison_page(found, curves_dataset(found), folder).read_text(encoding="utf-8")


def checked(text: str) -> list[str]:
    """The pictures of a page that is sound."""
    checker = _Checker()
    checker.feed(text)
    assert not checker.open
    assert all(image.startswith("data:image/png;base64,iVBOR") for image in checker.images)
    plain = re.sub(r"base64,[^\"]+", "", text)
    assert not re.search(r"https?://|@import|url\(", plain)
    assert not re.search(r"\bnan\b|None\b|Undefined", plain)
    return checker.images


def sp2(protocol: str, precursor: str, replica: int) -> float:
    noise = 0.003 * ((7 * replica + 3 * len(protocol)) % 5 - 2)
    return 0.8 + 0.03 * (protocol == "two-step") + noise


def test_verdicts_come_first_and_all_figures_are_inside(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", sp2, ("direct", "two-step", "two-step-again"), replicas=6)
    text = page_of([study], tmp_path / "out", Options(activation_energy_eV=5.0))
    # differences, temperature, class volumes, and curves against time, temperature and dose
    assert len(checked(text)) == 6
    assert text.index("more sp²") < text.index("<img")
    assert "No difference can be seen" in text
    assert "The same in every replica: sp³" in text
    assert "another precursor may answer otherwise" in text
    assert "There is no picture of direct" in text  # made without a trajectory


def test_the_last_frames_stand_side_by_side(tmp_path: Path) -> None:
    for name, seed in (("a <b>", 1), ("c & d", 2)):
        folder = fake_run.make_run(tmp_path / str(seed), replicas=2, seed=seed)
        for file in ("protocol.yaml",):
            path = folder / file
            path.write_text(path.read_text().replace("fake <run> & more", name))
        manifest = folder / "manifest.json"
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "replica_ids": [0, 1]}))
    text = page_of([tmp_path / "1", tmp_path / "2"], tmp_path / "out")
    # two kinds of pictures of two protocols; no dose without an activation energy
    assert len(checked(text)) == 5 + 4
    assert "<h1>a &lt;b&gt; and c &amp; d, compared</h1>" in text
    assert "give --activation-energy" in text


def test_one_protocol_and_one_replica_make_a_page_too(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", sp2, ("direct",), replicas=1)
    text = page_of([study], tmp_path / "out")
    assert len(checked(text)) == 4
    assert "one protocol only" in text
