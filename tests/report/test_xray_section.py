"""The X-ray section is there when the last frame was analysed for it, and only then."""

from __future__ import annotations

import json
from pathlib import Path

from fake_run import make_run

from carbonize.analysis.frame import analyze
from carbonize.io.rundir import load_run
from carbonize.report.page import build_page
from carbonize.report.scattering import write_xray_section


def test_the_page_shows_pattern_and_small_angles_of_the_last_frame(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", frames=2)
    assert write_xray_section(load_run(folder), tmp_path) is None
    run = load_run(folder)
    records = [json.loads(line) for line in (folder / "analysis.jsonl").read_text().splitlines()]
    records[-1]["frame"]["scattering"] = analyze(run.trajectory[-1], what="scattering")["scattering"]
    records[-1]["frame"]["capacity"] = {"plateau_mAh_g": [10.0, 20.0, 30.0]}
    (folder / "analysis.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    text = build_page(load_run(folder)).read_text()
    section = text.split('<section id="xrays">')[1].split("</section>")[0]
    assert section.count("data:image/png;base64,iVBOR") == 2
    assert "20 mAh/g (10 to 30)" in section
    assert "None" not in section.split("base64")[0] and "nan" not in section.split("base64")[0]
