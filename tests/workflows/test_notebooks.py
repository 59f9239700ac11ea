"""The notebooks run from top to bottom, as a newcomer would run them, and show what they promise."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

jupytext = pytest.importorskip("jupytext", reason="notebooks need jupytext: pip install .[test]")
nbclient = pytest.importorskip("nbclient", reason="notebooks need nbclient: pip install .[test]")
pytest.importorskip("ipykernel", reason="notebooks need ipykernel: pip install .[test]")

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "workflows" / "notebooks").glob("*.py"))

# how many pictures each must show; what it says somewhere in its text
PROMISES = {
    "01_first_run": (4, "finished"),
    "02_trajectory": (3, "500"),
    "03_pores": (5, "entrance (Å)"),
    "04_comparing_protocols": (2, "3 replicas, finished"),
    "05_own_trajectory": (2, "differ by at most 0.0"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the notebooks need, so that they leave nothing in the repository."""
    copy = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "workflows" / "notebooks", copy / "workflows" / "notebooks")
    shutil.copytree(ROOT / "structures", copy / "structures")
    # analyses take most of the time, and half of them draw the same pictures
    for protocol in (copy / "workflows" / "notebooks" / "two-ways").glob("*.yaml"):
        protocol.write_text(protocol.read_text().replace("analysis_every_ps: 0.2", "analysis_every_ps: 0.4"))
    return copy / "workflows" / "notebooks"


@pytest.fixture(scope="module")
def kernel(folder: Path) -> Iterator[Any]:
    """One kernel for all: each notebook starts with an empty namespace, but libraries load once."""
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder))
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_its_pictures(notebook: Path, folder: Path, kernel: Any) -> None:
    book = jupytext.read(notebook)
    book.cells.insert(0, jupytext.reads("# %%\n%reset -f", fmt="py:percent").cells[0])
    nbclient.NotebookClient(book, km=kernel, timeout=300).execute()
    (folder / f"{notebook.stem}.ipynb").write_text(jupytext.writes(book, fmt="ipynb"))
    pictures, text = _shown(book)
    least, says = PROMISES.get(notebook.stem, (1, ""))
    assert len(pictures) >= least
    assert says in text
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{notebook.stem}-{number}.png")
        pixels = np.asarray(picture.convert("RGB"), int)
        assert min(picture.size) >= 200
        assert 0.01 < (pixels.min(axis=-1) < 240).mean() < 0.99, f"picture {number} is empty"


def test_every_notebook_says_in_its_title_what_it_is_for() -> None:
    assert {path.stem for path in NOTEBOOKS} >= PROMISES.keys()
    for path in NOTEBOOKS:
        assert jupytext.read(path).cells[0].source.startswith("# "), path.name


def _shown(book: Any) -> tuple[list[Image.Image], str]:
    """Pictures and text of all outputs."""
    pictures, text = [], []
    for cell in book.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            text += [str(data.get(kind, "")) for kind in ("text/plain", "text/markdown")] + [
                output.get("text", "")
            ]
            if "image/png" in data:
                pictures.append(Image.open(BytesIO(base64.b64decode(data["image/png"]))))
    return pictures, "\n".join(text)
