"""The page: complete, self-contained, and right whatever the run was like."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fake_run import make_run

from carbonize.errors import InputError
from carbonize.io.rundir import load_run
from carbonize.report.numbers import number
from carbonize.report.page import write_report

Page = Callable[..., Any]
_VOID = {"meta", "img", "br", "link", "hr", "input"}


class _Checker(HTMLParser):
    """Collects tags and complains about any that is closed out of turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "data"}]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def _check(text: str) -> _Checker:
    checker = _Checker()
    checker.feed(text)
    assert not checker.open
    return checker


@pytest.mark.parametrize(
    "options",
    [{}, {"replicas": 3}, {"pores": False}, {"free_sphere": False}, {"frames": 1}],
    ids=["one replica", "three replicas", "no pores", "no way through", "one frame"],
)
def test_the_page_holds_all_it_shows(page: Page, options: dict[str, object]) -> None:
    text = page(**options).text
    links = _check(text).links
    assert len(links) == 9  # five figures, four pictures
    assert all(link.startswith("data:image/png;base64,iVBOR") for link in links)
    assert not re.search(r"https?://|@import|url\(", text)
    assert not re.search(r"\bnan\b|None\b|Undefined", re.sub(r"base64,[^\"]+|>[\w+/=]{99,}<", "", text))


def test_the_page_has_the_numbers_of_the_summary(page: Page) -> None:
    made = page()
    text = made.text
    summary = json.loads((made.folder / "summary.json").read_text())
    for end in (summary["first"], summary["last"]):
        for kind in ("sp", "sp2", "sp3"):
            assert f"{number(100 * end['bonding'][kind], 1)} %" in text
        for key in ("largest_included_sphere_A", "largest_free_sphere_A"):
            assert f"{number(end['pores'][key])} Å" in text
        for found in end["pores"]["classes"].values():
            assert f"{number(found['volume_cm3_g'], 3)} cm³/g" in text


def test_names_from_the_protocol_are_escaped(page: Page) -> None:
    assert "<h1>fake &lt;run&gt; &amp; more</h1>" in page().text


def test_a_sealed_pore_is_called_sealed(page: Page) -> None:
    text = page(free_sphere=False).text
    assert "none – sealed" in text
    assert "every pore counts as fully closed" in text


def test_a_run_that_failed_says_so_on_top(page: Page) -> None:
    text = page(status="failed").text
    assert text.index("not finished") < text.index("What happened")
    assert "the disk was full" in text
    assert 'class="status"' not in page().text


def test_one_frame_is_not_read_as_a_change(page: Page) -> None:
    text = page(frames=1).text
    assert "nothing can be compared" in text
    assert "more graphite-like" not in text


def test_the_classes_are_defined_by_the_limits_of_the_run(tmp_path: Path, without_ovito: None) -> None:
    folder = make_run(tmp_path / "other")
    protocol = folder / "protocol.yaml"
    changed = protocol.read_text().replace("open_A: 5.7", "open_A: 6.25")
    assert "6.25" in changed
    protocol.write_text(changed)
    assert "D ≥ 6.25 Å" in write_report(folder).read_text(encoding="utf-8")


def test_figures_lie_beside_the_page(page: Page) -> None:
    names = {p.name for p in (page().folder / "figures").iterdir()}
    assert {"temperature.png", "bonding.png", "class-volumes.png", "spheres.png", "energy.png"} < names
    assert {"atoms-first.png", "atoms-last.png", "pores-first.png", "pores-last.png"} < names


def test_a_missing_trajectory_costs_the_pictures_only(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    (folder / "trajectory" / "replica-000.gsd").unlink()
    text = write_report(folder).read_text(encoding="utf-8")
    assert len(_check(text).links) == 5
    assert "There are no pictures" in text


def test_the_page_works_without_summary_and_netcdf(tmp_path: Path, without_ovito: None) -> None:
    folder = make_run(tmp_path / "unfinished", status="interrupted")
    for name in ("analysis.nc", "summary.json", "pores.csv"):
        (folder / name).unlink()
    assert "interrupted" in write_report(folder).read_text(encoding="utf-8")


def test_a_run_without_frames_is_an_input_error(tmp_path: Path) -> None:
    folder = make_run(tmp_path, frames=0)
    with pytest.raises(InputError, match="no analysed frame"):
        write_report(folder)
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_what_is_no_run_folder_is_an_input_error(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / kind
    if kind == "empty":
        folder.mkdir()
    with pytest.raises(InputError) as caught:
        write_report(folder)
    assert "\n" not in str(caught.value)


def test_the_command_says_where_the_page_is(tmp_path: Path, without_ovito: None) -> None:
    from typer.testing import CliRunner

    from carbonize.cli.app import app

    folder = make_run(tmp_path / "run")
    result = CliRunner().invoke(app, ["report", str(folder)])
    assert result.exit_code == 0, result.output
    assert result.output.strip() == f"report: {load_run(folder).path / 'report.html'}"


def test_a_damaged_manifest_and_a_lost_series_are_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run / "series.jsonl").write_text("")
    with pytest.raises(InputError, match=r"series\.jsonl: has no rows"):
        write_report(run)
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "total_steps": "many"}))
    with pytest.raises(InputError, match=r"manifest\.json: total_steps is 'many', expected a number"):
        load_run(run)
