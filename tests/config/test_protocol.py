"""Protocol files: what they may say, what is filled in, and how a wrong one is refused."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from carbonize.config import RunConfig, config_hash, dump_protocol, load_protocol, parse_protocol
from carbonize.errors import InputError

ROOT = Path(__file__).resolve().parents[2]

CONTRACT = """
name: quickstart
structure: {kind: file, path: ../../structures/precursor-1000.extxyz}
potential: {kind: edip}
dynamics:
  timestep_fs: 0.5
  thermostat: {kind: langevin, friction_per_ps: 10.0}
  precision: float64
  seed: 1
  replicas: 1
schedule:
  - {kind: hold, temperature_K: 300, duration_ps: 0.5}
  - {kind: ramp, to_K: 3500, rate_K_per_ps: 3200}
  - {kind: hold, temperature_K: 3500, duration_ps: 4}
  - {kind: quench, to_K: 300, duration_ps: 2}
output: {frame_every_ps: 0.25, analysis_every_ps: 0.5}
analysis:
  bond_cutoff_A: 1.85
  probes_A: {He: 2.6, CO2: 3.3, N2: 3.64, EC: 5.7}
  radii_A: {C: 1.7}
  persistence_A: 0.5
"""

SMALLEST: dict[str, Any] = {
    "name": "small",
    "structure": {"kind": "random", "atoms": 10, "density_g_cm3": 1.0},
    "schedule": [{"kind": "hold", "temperature_K": 300, "duration_ps": 1}],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The smallest protocol with one entry set (``a.b.0.c``)."""
    data: Any = copy.deepcopy(SMALLEST)
    here = data
    *parents, last = path.split(".")
    for key in parents:
        if isinstance(here, list):
            here = here[int(key)]
        else:
            here = here.setdefault(key, {})
    here[int(last) if isinstance(here, list) else last] = value
    return data


def refusal(data: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        parse_protocol(data, source="p.yaml")
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("p.yaml: ")
    return message


def test_the_shipped_quickstart_says_what_its_contract_says() -> None:
    shipped = yaml.safe_load((ROOT / "workflows/protocols/quickstart.yaml").read_text())
    assert shipped == yaml.safe_load(CONTRACT)


@pytest.mark.parametrize("path", sorted((ROOT / "workflows/protocols").glob("*.yaml")), ids=lambda p: p.name)
def test_every_shipped_protocol_loads_and_its_structure_exists(path: Path) -> None:
    config = load_protocol(path)
    if config.structure.kind == "file":
        assert Path(config.structure.path).is_file()


def test_defaults_are_those_of_the_contract() -> None:
    config = parse_protocol(SMALLEST)
    full = parse_protocol({**yaml.safe_load(CONTRACT), "name": "small"})
    assert config.potential == full.potential
    assert config.dynamics == full.dynamics
    assert config.output == full.output
    assert config.analysis == full.analysis


def test_a_dumped_protocol_loads_to_the_same_protocol_and_hash(tmp_path: Path) -> None:
    config = parse_protocol(yaml.safe_load(CONTRACT), base=tmp_path)
    copy_ = tmp_path / "elsewhere" / "protocol.yaml"
    copy_.parent.mkdir()
    copy_.write_text(dump_protocol(config))
    again = load_protocol(copy_)
    assert again == config
    assert config_hash(again) == config_hash(config)


def test_a_dumped_protocol_has_no_yaml_aliases() -> None:
    assert "&id" not in dump_protocol(parse_protocol(SMALLEST))


def test_the_hash_does_not_depend_on_the_order_of_keys_but_on_values() -> None:
    backwards = dict(reversed(list(SMALLEST.items())))
    assert config_hash(parse_protocol(backwards)) == config_hash(parse_protocol(SMALLEST))
    other = changed("dynamics.seed", 2)
    assert config_hash(parse_protocol(other)) != config_hash(parse_protocol(SMALLEST))


def test_a_default_spelled_out_does_not_change_the_hash() -> None:
    assert config_hash(parse_protocol(changed("dynamics.timestep_fs", 0.5))) == config_hash(
        parse_protocol(SMALLEST)
    )


def test_paths_are_relative_to_the_protocol_file(tmp_path: Path) -> None:
    (tmp_path / "protocols").mkdir()
    path = tmp_path / "protocols" / "p.yaml"
    data = {
        **SMALLEST,
        "structure": {"kind": "file", "path": "../cells/a.extxyz"},
        "potential": {"kind": "tersoff", "file": "C.tersoff"},
    }
    path.write_text(yaml.safe_dump(data))
    config = load_protocol(path)
    assert config.structure.path == str(tmp_path / "cells" / "a.extxyz")  # pyright: ignore
    assert config.potential.file == str(tmp_path / "protocols" / "C.tersoff")  # pyright: ignore


def test_protocols_cannot_be_changed_after_loading() -> None:
    config = parse_protocol(SMALLEST)
    with pytest.raises(Exception, match="frozen"):
        config.dynamics.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize("on", ["frame", "inherent", "averaged"])
def test_what_is_analysed_can_be_said_in_any_yaml(on: str, tmp_path: Path) -> None:
    written = f"{yaml.safe_dump(SMALLEST)}analysis: {{on: {on}, averaging_ps: 0.5}}\n"
    path = tmp_path / "p.yaml"
    path.write_text(written)
    config = load_protocol(path)
    assert config.analysis.on == on
    # YAML 1.1 reads the key as true; a dictionary from any other reader of YAML must do as well
    assert True in yaml.safe_load(written)["analysis"]
    assert parse_protocol(yaml.safe_load(written)) == config
    path.write_text(dump_protocol(config))
    assert load_protocol(path) == config


def test_an_average_over_no_two_frames_is_refused() -> None:
    data = changed("analysis.on", "averaged")
    data["analysis"]["averaging_ps"] = 0.1
    assert "analysis.averaging_ps: no two frames lie within 0.1 ps" in refusal(data)
    assert "frame_every_ps (0.25)" in refusal(data)
    parse_protocol({**data, "output": {"frame_every_ps": 0.05}})


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("naem", "name"),
        ("dynamic", "dynamics"),
        ("dynamics.timestep", "timestep_fs"),
        ("dynamics.thermostat.friction", "friction_per_ps"),
        ("structure.density", "density_g_cm3"),
        ("schedule.0.temperature", "temperature_K"),
        ("schedule.0.duration_fs", "duration_ps"),
        ("output.frames_every_ps", "frame_every_ps"),
        ("analysis.probe_A", "probes_A"),
        ("analysis.class_limits_A.closed", "closed_A"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(path: str, nearest: str) -> None:
    message = refusal(changed(path, 1.0))
    assert f"unknown key '{path}'" in message
    assert f"did you mean '{nearest}'?" in message


def test_an_unknown_key_far_from_all_others_lists_the_known_ones() -> None:
    message = refusal(changed("dynamics.xyzzy", 1))
    assert "did you mean" not in message
    assert "timestep_fs" in message
    assert "replicas" in message


def test_an_unknown_key_is_named_before_the_missing_one_it_stands_for() -> None:
    data = copy.deepcopy(SMALLEST)
    data["schedule"] = [{"kind": "ramp", "to": 3000, "rate_K_per_ps": 10, "from_K": 300}]
    message = refusal(data)
    assert "unknown key 'schedule.0.to'" in message
    assert "did you mean 'to_K'?" in message


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("analysis.on", "minimised", r"analysis\.on: .*'frame', 'inherent' or 'averaged'"),
        ("analysis.on", False, r"analysis\.on: "),
        ("analysis.workers", -1, r"analysis\.workers: .*greater than or equal to 0"),
        ("analysis.workers", True, r"analysis\.workers: .*true/false"),
        ("analysis.radius_uncertainty_A", -0.1, r"analysis\.radius_uncertainty_A: "),
        ("analysis.averaging_ps", 0, r"analysis\.averaging_ps: .*greater than 0"),
        ("structure.density_g_cm3", -1.0, r"structure\.density_g_cm3: .*greater than 0, got -1\.0"),
        ("structure.density_g_cm3", 0, r"greater than 0, got 0"),
        ("structure.density_g_cm3", float("nan"), r"structure\.density_g_cm3: .*got nan"),
        ("structure.density_g_cm3", "heavy", r"structure\.density_g_cm3: .*got 'heavy'"),
        ("structure.atoms", 1, r"structure\.atoms: .*got 1"),
        ("structure.atoms", 10.5, r"structure\.atoms: .*got 10\.5"),
        ("structure.kind", "fille", r"structure: unknown kind 'fille'; did you mean file\?"),
        ("structure", {"atoms": 10}, r"structure: needs a 'kind'"),
        ("structure", "x.extxyz", r"structure: "),
        ("potential", {"kind": "tersof"}, r"potential: unknown kind 'tersof'; did you mean tersoff\?"),
        ("potential", {"kind": "tersoff"}, r"potential: give parameters .* or file"),
        ("potential", {"kind": "tersoff", "parameters": "tersoff-1989", "file": "x"}, "not both"),
        ("potential", {"kind": "tersoff", "parameters": "tersoff-89"}, "tersoff-1989"),
        ("dynamics.timestep_fs", 0, r"dynamics\.timestep_fs: .*greater than 0, got 0"),
        ("dynamics.timestep_fs", float("inf"), r"dynamics\.timestep_fs: .*finite"),
        ("dynamics.timestep_fs", True, r"dynamics\.timestep_fs: .*number"),
        ("dynamics.precision", "float16", r"dynamics\.precision: .*float64.*float32.*got 'float16'"),
        ("dynamics.seed", -1, r"dynamics\.seed: .*got -1"),
        ("dynamics.replicas", 0, r"dynamics\.replicas: .*got 0"),
        ("dynamics.thermostat.friction_per_ps", -1, r"dynamics\.thermostat\.friction_per_ps: "),
        ("schedule", [], r"schedule: "),
        ("schedule", {"kind": "hold"}, r"schedule: "),
        ("schedule.0.kind", "holt", r"schedule\.0: unknown kind 'holt'; did you mean hold\?"),
        ("schedule.0.temperature_K", -300, r"schedule\.0\.temperature_K: .*got -300"),
        ("output.frame_every_ps", 0, r"output\.frame_every_ps: "),
        ("analysis.probes_A", {}, r"analysis\.probes_A: "),
        ("analysis.probes_A", {"He": -2.6}, r"analysis\.probes_A\.He: .*got -2\.6"),
        ("analysis.radii_A", {"C": 0}, r"analysis\.radii_A\.C: "),
        ("analysis.persistence_A", -0.1, r"analysis\.persistence_A: "),
        ("analysis.class_limits_A", {"closed_A": 4.0}, r"class limits must fall"),
        ("name", "", r"name: "),
        ("name", "a/b", r"name: a name becomes a folder"),
        ("name", "..", r"name: a name becomes a folder"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place_and_what_was_given(
    path: str, value: Any, expected: str
) -> None:
    message = refusal(changed(path, value))
    assert re.search(expected, message), message


@pytest.mark.parametrize("key", ["name", "structure", "schedule"])
def test_a_missing_section_is_named(key: str) -> None:
    data = {k: v for k, v in SMALLEST.items() if k != key}
    assert f"{key}: is missing" in refusal(data)


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ([{"kind": "ramp", "to_K": 3000, "duration_ps": 1}], "a ramp at the start has no temperature"),
        ([{"kind": "quench", "to_K": 300, "duration_ps": 1}], "a quench at the start has no temperature"),
        ([{"kind": "ramp", "from_K": 300, "to_K": 3000}], "exactly one of rate_K_per_ps and duration_ps"),
        (
            [{"kind": "ramp", "from_K": 300, "to_K": 3000, "duration_ps": 1, "rate_K_per_ps": 1}],
            "exactly one of rate_K_per_ps and duration_ps",
        ),
        ([{"kind": "quench", "from_K": 300, "to_K": 3000, "duration_ps": 1}], "a quench must cool"),
        ([{"kind": "ramp", "from_K": 300, "to_K": 300, "rate_K_per_ps": 5}], "has no length"),
        (
            [
                {"kind": "hold", "temperature_K": 300, "duration_ps": 1},
                {"kind": "quench", "to_K": 300, "duration_ps": 1},
            ],
            "schedule.1: a quench must cool",
        ),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(stages: list[dict[str, Any]], expected: str) -> None:
    assert expected in refusal({**SMALLEST, "schedule": stages})


def test_a_ramp_at_the_start_may_say_where_it_starts_from() -> None:
    data = {**SMALLEST, "schedule": [{"kind": "ramp", "from_K": 300, "to_K": 3000, "duration_ps": 1}]}
    assert parse_protocol(data).schedule[0].kind == "ramp"


def protocol_file(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "p.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [1, 2", "not valid YAML"),
        ("name: a\n  b: c\n", r"not valid YAML.*line 2"),
        ("name: a\nname: b\n", r"the key 'name' is given twice \(line 2, column 1\)"),
        ("a: &x {b: 1}\nc: *x\n", r"aliases are not allowed \(line 2"),
        ("name: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
        ("", "a protocol is a mapping that starts with 'name:', got nothing"),
        ("- 1\n", "got a list"),
        ("just words", "got a str"),
        (b"\xff\xfe\x00", "not a text file"),
        ("[" * 20000, "not valid YAML"),
        ("a: 2024-13-45\n", "not valid YAML"),
        ("name: \x07\n", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_protocol_is_refused_in_one_line(
    tmp_path: Path, text: str | bytes, expected: str
) -> None:
    path = protocol_file(tmp_path, text)
    with pytest.raises(InputError, match=expected) as caught:
        load_protocol(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_a_folder_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such protocol file"):
        load_protocol(tmp_path / "nowhere.yaml")
    with pytest.raises(InputError, match="is a folder, expected a protocol file"):
        load_protocol(tmp_path)
    with pytest.raises(InputError, match="over 512 KB"):
        load_protocol(protocol_file(tmp_path, "#" * (5 * 1024 * 1024)))


def models_of(model: type[BaseModel]) -> set[type[BaseModel]]:
    """A model and every model its fields may hold."""
    found = {model}
    pending: list[Any] = [field.annotation for field in model.model_fields.values()]
    while pending:
        part = pending.pop()
        if isinstance(part, type) and issubclass(part, BaseModel):
            found |= models_of(part)
        pending.extend(get_args(part))
    return found


@pytest.mark.parametrize(
    "model", sorted(models_of(RunConfig), key=lambda m: m.__name__), ids=lambda m: m.__name__
)
def test_every_key_is_explained_in_the_protocol_page(model: type[BaseModel]) -> None:
    page = (ROOT / "docs" / "protocol.md").read_text()
    for name, field in model.model_fields.items():
        assert f"`{name}`" in page, f"docs/protocol.md does not explain {model.__name__}.{name}"
        rows = [line for line in page.splitlines() if line.startswith(f"| `{name}`")]
        if isinstance(field.default, int | float):
            assert any(f"| {field.default:g} |" in row for row in rows), (
                f"docs/protocol.md gives another default of {model.__name__}.{name} than {field.default:g}"
            )


def test_every_kind_is_named_in_the_protocol_page() -> None:
    page = (ROOT / "docs" / "protocol.md").read_text()
    for model in models_of(RunConfig):
        for kind in get_args(model.model_fields["kind"].annotation) if "kind" in model.model_fields else ():
            assert f"kind: {kind}" in page


def test_the_protocols_in_the_protocol_page_are_valid() -> None:
    page = (ROOT / "docs" / "protocol.md").read_text()
    blocks = [b for b in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if b.lstrip().startswith("name:")]
    assert blocks
    for block in blocks:
        parse_protocol(yaml.safe_load(block))


def test_reading_a_protocol_loads_neither_jax_nor_ovito() -> None:
    code = (
        "import sys; from carbonize.config import parse_protocol; "
        f"parse_protocol({SMALLEST!r}); "
        "print(sorted(m for m in ('jax', 'jax_md', 'ovito', 'ase', 'scipy') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
