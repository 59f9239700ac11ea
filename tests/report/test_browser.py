"""The report in a real browser, on a desktop and on a phone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Browser, find_browser

pytestmark = pytest.mark.skipif(find_browser() is None, reason="chromium is not installed")

SMALLEST_TEXT = """
(() => {
  let least = 99, where = "";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !parent.getClientRects().length) continue;
    const size = parseFloat(getComputedStyle(parent).fontSize);
    if (size < least) { least = size; where = walker.currentNode.textContent.trim().slice(0, 40); }
  }
  return [least, where];
})()
"""

WIDER = """
(() => {
  const wide = document.documentElement.clientWidth;
  const inScroll = (e) => e.closest(".scroll") && !e.matches(".scroll");
  return [...document.querySelectorAll("body *")]
    .filter((e) => !inScroll(e) && e.getBoundingClientRect().right > wide + 1)
    .map((e) => e.tagName + "." + e.className);
})()
"""

LEAST_CHANGE = 1e-3

MISSING = """
[...document.images].filter((i) => !i.complete || !i.naturalWidth).map((i) => i.alt)
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture(scope="module")
def report(page: Callable[..., Any]) -> Path:
    return page(spacing_A=7.2, frames=2).folder / "report.html"


def _drawn(picture: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(picture) as image:
        return np.asarray(image.convert("RGB"), int)


@pytest.mark.parametrize(("width", "phone"), [(1280, False), (390, True)], ids=["desktop", "phone"])
def test_the_page_is_whole_readable_and_turns(
    browser: Browser, report: Path, width: int, phone: bool, tmp_path: Path
) -> None:
    browser.errors.clear()
    browser.requests.clear()
    browser.open(report, width, phone=phone)
    assert browser.value(MISSING) == []
    assert browser.value("document.images.length") >= 10
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value("innerWidth") == width
    assert browser.value(WIDER) == []
    least, where = browser.value(SMALLEST_TEXT)
    assert least >= 12, where

    # nothing of the view is there before it is asked for
    assert browser.value("document.querySelectorAll('canvas').length") == 0
    browser.value("document.querySelector('#turn').scrollIntoView({block: 'center'})")
    browser.value("document.querySelector('#turn .start').click()")
    browser.wait_for("['running', 'failed'].includes(document.querySelector('#turn').dataset.state)")
    assert browser.value("document.querySelector('#turn').dataset.state") == "running"
    assert browser.value("document.documentElement.scrollWidth") <= width
    browser.value("document.querySelector('#turn .stage').scrollIntoView({block: 'center'})")
    full = _stage(browser, tmp_path / "full.png")
    colored = np.ptp(full, axis=-1) > 60
    assert colored.mean() > 0.02  # atoms and pores have colours, background and bonds have none
    assert browser.value(SMALLEST_TEXT)[0] >= 12

    # every switch takes something away, and all of them together leave the cell's edges
    count = browser.value("document.querySelectorAll('#turn input').length")
    assert count >= 3
    before = full
    for number in range(count):
        browser.value(f"document.querySelectorAll('#turn input')[{number}].click()")
        after = _stage(browser, tmp_path / f"less-{number}.png", before)
        assert (np.abs(after - before).max(axis=-1) > 20).mean() > LEAST_CHANGE, number
        before = after
    assert (np.ptp(before, axis=-1) > 60).mean() < 1e-3
    assert 0 < (before.max(axis=-1) < 200).mean() < 0.1

    assert browser.errors == []
    assert [url for url in browser.requests if not url.startswith(("file:", "data:", "blob:"))] == []


def _stage(browser: Browser, path: Path, before: np.ndarray | None = None) -> np.ndarray:
    """The pixels of the view, once they are other than before (at first: other than nearly white)."""
    left, top, right, bottom = browser.value(
        "(() => { const r = document.querySelector('#turn .stage').getBoundingClientRect();"
        " return [r.left + 2, r.top + 2, r.right - 2, r.bottom - 2]; })()"
    )
    end = time.monotonic() + 30.0
    while True:
        browser.value("new Promise((done) => setTimeout(() => requestAnimationFrame(() => done(true)), 100))")
        pixels = _drawn(browser.picture(path))[max(0, int(top)) : int(bottom), int(left) : int(right)]
        other = np.ptp(pixels, axis=-1) > 60 if before is None else np.abs(pixels - before).max(axis=-1) > 20
        if other.mean() > LEAST_CHANGE or time.monotonic() > end:
            return pixels


def test_without_webgl_the_picture_stands_still(report: Path, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile", webgl=False) as browser:
        browser.open(report, 390, phone=True)
        assert browser.value("document.querySelector('#turn').dataset.state") == "still"
        assert "no WebGL" in browser.value("document.querySelector('#turn .said').textContent")
        assert browser.value("document.querySelector('#turn .stage img').naturalWidth") > 0
        assert not browser.value("document.querySelector('#turn .start').getClientRects().length")
        assert browser.errors == []
