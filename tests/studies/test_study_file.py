"""What a study file means, and what is refused in one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from studies.tiny import write_protocol, write_study

from carbonize.cli.app import main
from carbonize.config import load_protocol
from carbonize.config.study import load_study
from carbonize.errors import InputError
from carbonize.studies.plan import plan
from carbonize.studies.prepare import prepare_study


def silent(_: str) -> None:
    pass


def prepared(file: Path, out: Path) -> dict[str, Any]:
    prepare_study(load_study(file), out, silent)
    return json.loads((out / "study.json").read_text())


def test_every_protocol_meets_every_precursor_with_the_same_start_and_seed(tmp_path: Path) -> None:
    file = write_study(tmp_path)
    shutil.copy(tmp_path / "diamond.extxyz", tmp_path / "other.extxyz")
    file = write_study(tmp_path, precursors=["diamond.extxyz", "other.extxyz"], replicas=3)
    content = prepared(file, tmp_path / "out")
    assert {k: v for k, v in content.items() if k != "runs"} == {
        "schema_version": 1, "name": "tiny", "seed": 7, "replicas": 3,
    }  # fmt: skip
    assert content["runs"][0] == {
        "id": "short--diamond",
        "protocol": "short",
        "precursor": "diamond",
        "potential": "tersoff-1989",
        "folder": "runs/short--diamond",
        "replicas": 3,
    }
    assert {r["id"] for r in content["runs"]} == {
        "short--diamond", "long--diamond", "short--other", "long--other",
    }  # fmt: skip
    configs = {
        r["id"]: load_protocol(tmp_path / "out" / r["folder"] / "protocol.yaml") for r in content["runs"]
    }
    for precursor in ("diamond", "other"):
        pair = [configs[f"{protocol}--{precursor}"] for protocol in ("short", "long")]
        assert pair[0].dynamics.seed == pair[1].dynamics.seed
        assert pair[0].structure == pair[1].structure
        assert all(c.dynamics.replicas == 3 for c in pair)
        start = Path(pair[0].structure.starts[0])
        assert start.parent == (tmp_path / "out" / "precursors").resolve()
        assert start.read_bytes() == (tmp_path / "diamond.extxyz").read_bytes()
    # precursors must not share their noise
    assert configs["short--diamond"].dynamics.seed != configs["short--other"].dynamics.seed
    assert configs["short--diamond"].schedule == load_protocol(tmp_path / "short.yaml").schedule


def test_seeds_follow_the_studys_seed_and_nothing_else(tmp_path: Path) -> None:
    def seeds(**changes: Any) -> list[int]:
        return [p.config.dynamics.seed for p in plan(load_study(write_study(tmp_path, **changes)))]

    assert seeds() == seeds(replicas=2, name="renamed") == seeds(protocols=["long.yaml", "short.yaml"])
    assert seeds() != seeds(seed=8)


def test_potentials_multiply_the_runs(tmp_path: Path) -> None:
    table = tmp_path / "my.tersoff"
    from carbonize.potentials.tersoff_parameters import NAMED_SETS

    assert NAMED_SETS
    table.write_text(
        "C C C 3 1 0 38049 4.3484 -0.57058 0.72751 1.5724e-7 2.2119 346.74 1.95 0.15 3.4879 1393.6\n"
    )
    write_study(tmp_path)
    file = write_study(
        tmp_path,
        potentials=[
            {"kind": "edip"},
            {"kind": "edip", "dispersion": True},
            {"kind": "tersoff", "file": "my.tersoff"},
        ],
    )
    runs = plan(load_study(file))
    assert [p.run.id for p in runs][:3] == [
        "short--diamond--edip", "short--diamond--edip+dispersion", "short--diamond--tersoff-my",
    ]  # fmt: skip
    assert len({p.config.dynamics.seed for p in runs}) == 1
    content = prepared(file, tmp_path / "out")
    law = load_protocol(tmp_path / "out" / content["runs"][2]["folder"] / "protocol.yaml").potential
    assert Path(law.file).read_bytes() == table.read_bytes()
    assert Path(law.file).is_relative_to((tmp_path / "out").resolve())


def test_a_build_spec_is_built_once_with_a_seed_of_the_study(tmp_path: Path) -> None:
    write_study(tmp_path)
    tersoff = {"kind": "tersoff", "parameters": "tersoff-1989"}
    spec = {"kind": "random", "name": "packed", "atoms": 40, "density_g_cm3": 1.5, "potential": tersoff}
    file = write_study(tmp_path, precursors=[spec])
    content = prepared(file, tmp_path / "out")
    assert {r["precursor"] for r in content["runs"]} == {"packed"}
    built = tmp_path / "out" / "precursors" / "packed.extxyz"
    before = built.read_bytes(), built.stat().st_mtime_ns
    record = json.loads((tmp_path / "out" / "precursors" / "packed.json").read_text())
    assert record["spec"]["seed"] == load_study(file).precursors[0].spec.seed
    # unfinished: goes on without building again
    (tmp_path / "out" / "study.json").unlink()
    assert prepared(file, tmp_path / "out") == content
    assert (built.read_bytes(), built.stat().st_mtime_ns) == before
    other = load_study(write_study(tmp_path, precursors=[spec], seed=8)).precursors[0].spec.seed
    assert other != record["spec"]["seed"]
    assert load_study(write_study(tmp_path, precursors=[{**spec, "seed": 3}])).precursors[0].spec.seed == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"protocols": ["missing.yaml"]}, ["protocols.0", "missing.yaml", "no such protocol file"]),
        ({"precursors": ["missing.extxyz"]}, ["precursors.0", "missing.extxyz", "no such file"]),
        ({"protocols": ["short.yaml", "short.yaml"]}, ["protocols", "'short'", "twice"]),
        ({"protocols": ["short.yaml", "copy.yaml"]}, ["'short'", "short.yaml", "copy.yaml"]),
        ({"precursors": ["diamond.extxyz", "sub/diamond.extxyz"]}, ["precursors", "'diamond'"]),
        ({"replicas": 0}, ["replicas"]),
        ({"replica": 2}, ["'replica'", "did you mean 'replicas'"]),
        ({"protocols": []}, ["protocols"]),
        ({"precursors": [7]}, ["precursors.0", "path"]),
        ({"precursors": [{"kind": "radom", "atoms": 40, "density_g_cm3": 1.5}]}, ["precursors.0", "random"]),
        ({"name": "a/b"}, ["name", "folder"]),
        ({"potentials": [{"kind": "edip"}, {"kind": "edip"}]}, ["potentials", "'edip'"]),
        ({"protocols": ["broken.yaml"]}, ["protocols.0", "broken.yaml", "schedule"]),
        ({"protocols": ["two.yaml"]}, ["two.yaml", "2 schedules"]),
    ],
)
def test_bad_study_files_are_refused_in_one_line(
    tmp_path: Path, changes: dict[str, Any], words: list[str]
) -> None:
    write_study(tmp_path)
    shutil.copy(tmp_path / "short.yaml", tmp_path / "copy.yaml")
    (tmp_path / "sub").mkdir()
    shutil.copy(tmp_path / "diamond.extxyz", tmp_path / "sub" / "diamond.extxyz")
    content = yaml.safe_load((tmp_path / "short.yaml").read_text())
    stages = content.pop("schedule")
    (tmp_path / "broken.yaml").write_text(yaml.safe_dump(content))
    (tmp_path / "two.yaml").write_text(
        yaml.safe_dump({**content, "name": "two", "schedules": [stages, [dict(s) for s in stages]]})
    )
    with pytest.raises(InputError) as caught:
        load_study(write_study(tmp_path, **changes))
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_precursor_that_a_potential_does_not_know_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    write_study(tmp_path)
    text = (tmp_path / "diamond.extxyz").read_text()
    head, first, rest = text.split("\n", 2)[0], text.split("\n", 2)[1], text.split("\n", 2)[2]
    (tmp_path / "silicon.extxyz").write_text("\n".join([head, first, rest.replace("C ", "Si", 1)]))
    study = load_study(write_study(tmp_path, precursors=["silicon.extxyz"]))
    with pytest.raises(InputError, match=r"precursor silicon: .*Si"):
        prepare_study(study, tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()


def test_a_changed_study_is_refused_and_says_what_changed(tmp_path: Path) -> None:
    file = write_study(tmp_path)
    out = tmp_path / "out"
    first = prepared(file, out)
    assert prepared(file, out) == first
    with pytest.raises(InputError, match=r"replicas: was 1, now 2"):
        prepare_study(load_study(write_study(tmp_path, replicas=2)), out, silent)
    write_study(tmp_path)
    write_protocol(tmp_path, "long", 1.6)
    with pytest.raises(InputError, match=r"protocols\.long\.schedule\.0\.duration_ps: was 0\.075"):
        prepare_study(load_study(file), out, silent)
    write_protocol(tmp_path, "long", 1.5)
    with open(tmp_path / "diamond.extxyz", "a") as structure:
        structure.write("\n")
    with pytest.raises(InputError, match=r"precursors\.diamond\.sha256"):
        prepare_study(load_study(file), out, silent)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    file = write_study(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="not empty and not a study folder"):
        prepare_study(load_study(file), out, silent)
    assert [p.name for p in out.iterdir()] == ["thesis.tex"]


def test_status_of_a_study_that_has_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared(write_study(tmp_path), tmp_path / "out")
    monkeypatch.setattr("sys.argv", ["carbonize", "status", str(tmp_path / "out"), "--json"])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"waiting": 2}
    assert [row["total_steps"] for row in found["runs"]] == [400, 600]


def test_a_dry_run_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_study(tmp_path)
    out = tmp_path / "out"
    monkeypatch.setattr(
        "sys.argv", ["carbonize", "study", str(file), "--out", str(out), "--dry-run", "--slurm"]
    )
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    shown = capsys.readouterr().out
    assert "short--diamond: 1 replica(s), tersoff-1989, 400 steps" in shown
    assert "#SBATCH --array=0-1" in shown
    assert not out.exists()


def test_the_shipped_study_compares_protocols_of_one_length() -> None:
    study = load_study(Path(__file__).resolve().parents[2] / "workflows" / "studies" / "quick.yaml")
    assert len({p.name for p in study.protocols}) == 2
    assert len({sum(_duration_ps(p.config.schedule)) for p in study.protocols}) == 1
    assert len(plan(study)) == 4


def _duration_ps(stages: Any) -> list[float]:
    here, found = 0.0, []
    for stage in stages:
        end = stage.temperature_K if stage.kind == "hold" else stage.to_K
        found.append(stage.duration_ps or abs(end - here) / stage.rate_K_per_ps)
        here = end
    return found


def test_a_protocol_in_laboratory_units_stays_so_in_its_run(tmp_path: Path) -> None:
    write_study(tmp_path)
    presets = Path(__file__).resolve().parents[2] / "workflows" / "protocols"
    for name in ("direct", "two-step"):
        shutil.copy(presets / f"{name}.yaml", tmp_path / f"{name}.yaml")
        content = yaml.safe_load((tmp_path / f"{name}.yaml").read_text())
        content["structure"]["path"] = "diamond.extxyz"
        content["potential"] = {"kind": "tersoff", "parameters": "tersoff-1989"}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    study = load_study(write_study(tmp_path, protocols=["direct.yaml", "two-step.yaml"]))
    manifest = prepare_study(study, tmp_path / "out", silent)
    for run, protocol in zip(manifest.runs, study.protocols, strict=True):
        config = load_protocol(tmp_path / "out" / run.folder / "protocol.yaml")
        assert config.schedule == protocol.config.schedule
        assert config.equivalence == protocol.config.equivalence
        assert config.time_scales == protocol.config.time_scales
