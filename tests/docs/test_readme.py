"""The documents tell the truth: their code runs, their commands exist, their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from carbonize.cli.app import main
from carbonize.config import parse_protocol
from carbonize.io.rundir import Run, RunPaths

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands() -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("carbonize ")]


PYTHON = blocks("python")
SHORT = [code for code in PYTHON if "carbonize.run(" not in code]
LONG = [code for code in PYTHON if "carbonize.run(" in code]


@pytest.mark.parametrize("code", SHORT, ids=lambda c: c.splitlines()[-1][:30])
def test_the_python_examples_run_and_give_what_they_say(code: str) -> None:
    scope: dict[str, object] = {}
    checked = 0
    for line in code.splitlines():
        shown = re.fullmatch(r"([^#]*\S)\s+# ([\d.]+ eV|-?[\d.]+ eV|1\.0:.*|\(.*\))", line)
        if shown is None:
            exec(line, scope)
            continue
        value, claim = eval(shown[1], scope), shown[2]
        checked += 1
        if claim.startswith("("):
            assert repr(value).startswith(claim.split("...")[0]), (value, claim)
        else:
            number = float(re.match(r"-?[\d.]+", claim)[0])  # type: ignore[index]
            assert value == pytest.approx(number, abs=5e-4)
    assert checked


@pytest.mark.parametrize("code", LONG, ids=lambda c: c.splitlines()[-1][:30])
def test_the_attributes_of_a_run_that_are_shown_exist(code: str) -> None:
    compile(code, "README", "exec")
    names = set(re.findall(r"^run\.(\w+)", code, re.MULTILINE))
    assert names
    for name in names:
        assert hasattr(Run, name), name


@pytest.mark.parametrize("command", commands(), ids=lambda c: " ".join(c[:3]))
def test_every_command_shown_exists_with_its_options(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command[1:]
    verbs = words[: 2 if words[0] == "build" else 1]
    options = [word for word in words if re.match(r"--?[a-z]", word)]
    if words == ["--version"]:
        verbs = []
    monkeypatch.setattr("sys.argv", ["carbonize", *verbs, "--help"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    text = capsys.readouterr().out
    for option in options:
        assert re.search(rf"(^|[\s,]){re.escape(option)}\b", text), f"{option} is not in the help of {verbs}"


def test_every_command_of_the_program_is_shown() -> None:
    assert {command[1] for command in commands()} == {
        "plan", "run", "calibrate", "status", "analyze", "track", "build", "render", "report", "export", "compare",
        "compare-experiment", "study", "submit", "--version",
    }  # fmt: skip


def test_the_protocols_shown_are_valid() -> None:
    shown = [block for block in blocks("yaml") if block.startswith("name:")]
    assert shown
    for block in shown:
        parse_protocol(yaml.safe_load(block))


def test_every_make_target_shown_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    for target in set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_file_of_a_run_folder_is_in_the_table() -> None:
    paths = RunPaths("run")
    for value in vars(paths).values():
        if value != paths.root:
            assert value.name in README, value.name


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_modules_that_are_named_exist(page: Path) -> None:
    for path in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", page.read_text(encoding="utf-8")):
        assert (ROOT / path).exists() or (ROOT / "carbonize" / path).exists(), path


def test_every_exit_code_is_explained() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    for code in ("exit code 1", "exit code 2", "exit code 3", "75 interrupted"):
        assert code in text
