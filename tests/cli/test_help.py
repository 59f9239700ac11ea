"""Help is quick, complete, and needs none of the heavy libraries."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import carbonize
from carbonize.cli.app import main

HEAVY = (
    "jax",
    "jaxlib",
    "jax_md",
    "ovito",
    "numpy",
    "scipy",
    "numba",
    "pydantic",
    "ase",
    "xarray",
    "matplotlib",
)

OPTIONS = {
    (): ("--version", "--help"),
    ("run",): ("PROTOCOL.yaml", "--out", "--no-report"),
    ("analyze",): (
        "--frame", "--what", "--json", "--radius", "--probe", "--bond-cutoff", "--persistence",
        "--radius-uncertainty", "--jobs", "--graph", "--graph-level", "--curves", "--steady",
    ),
    ("track",): (
        "--replica", "--out", "--json", "--every", "--on", "--window", "--radius", "--probe", "--persistence",
        "--hold", "--hysteresis", "--gap", "--jobs",
    ),
    ("plan",): ("PROTOCOL.yaml", "--out", "--json", "--measure", "--like"),
    ("calibrate",): ("RUN...", "--quantity", "--out", "--json"),
    ("build",): ("random", "melt-quench", "fragments", "templated"),
    ("build", "fragments"): (
        "--atoms", "--density", "--seed", "--out", "--fragment-atoms", "--fragment-diameter", "--fragment-spread",
        "--curvature", "--curvature-radius", "--cross-linking", "--potential", "--json", "--picture",
    ),
    ("build", "templated"): (
        "--matrix", "--template", "--size", "--number", "--porosity", "--atoms", "--density", "--json", "--picture",
    ),
    ("build", "random"): ("--atoms", "--density", "--seed", "--out", "-o", "--min-distance", "--potential"),
    ("build", "melt-quench"): ("--atoms", "--density", "--seed", "--melt", "--quench-ps", "--to"),
    ("status",): ("DIR", "--json"),
    ("study",): ("STUDY.yaml", "--out", "--local", "--slurm", "--cluster", "--jobs", "--dry-run", "--no-report"),
    ("submit",): ("STUDY_DIR|PROTOCOL.yaml", "--cluster", "--out", "--dry-run", "--no-report"),
    ("render",): (
        "--pores", "--out", "--classes", "--frame", "--replica", "--size", "--slab", "--surfaces", "--gsd", "--ovito",
        "--color", "--dpi", "--clock",
    ),
    ("report",): ("RUN",),
    ("compare",): (
        "--out", "--reference", "--final", "--over", "--smallest-effect", "--activation-energy",
        "--leave-out-unfinished", "--seed", "--json", "--no-report",
    ),
    ("compare-experiment",): (
        "RUN|FILE", "--xrd", "--saxs", "--table", "--out", "--frame", "--wavelength", "--polarisation",
    ),
    ("export",): ("RUN", "--to", "--out", "--frame", "--replica"),
}  # fmt: skip


def run_main(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["carbonize", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0), capsys.readouterr().out


@pytest.mark.parametrize("command", OPTIONS, ids=lambda c: " ".join(c) or "carbonize")
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_option_and_says_what_the_command_does(
    command: tuple[str, ...],
    flag: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, text = run_main((*command, flag), monkeypatch, capsys)
    assert code == 0
    assert "Usage: " in text
    for option in OPTIONS[command]:
        assert option in text, option
    body = text.split("\n\n")[1].strip()
    assert len(body.split()) >= 4  # a sentence


def test_every_command_is_in_the_table_above(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for group in ((), ("build",)):
        _, text = run_main((*group, "--help"), monkeypatch, capsys)
        listed = re.findall(r"^  ([a-z-]+)  ", text.split("Commands:")[1], re.MULTILINE)
        assert {(*group, name) for name in listed} == {c for c in OPTIONS if c[:-1] == group and c}


def test_the_version_is_that_of_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(("--version",), monkeypatch, capsys) == (0, f"carbonize {carbonize.__version__}\n")


def test_no_arguments_show_the_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["carbonize"])
    with pytest.raises(SystemExit):
        main()
    shown = capsys.readouterr()
    assert "Usage: " in shown.out + shown.err


def loaded_by(code: str) -> set[str]:
    """Which of the heavy libraries a fresh interpreter has loaded after ``code``."""
    script = f"import sys\n{code}\nprint([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(re.findall(r"'(\w+)'", done.stderr.strip().splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["build", "random", "--help"],
        ["render", "--help"],
        ["study", "--help"],
        ["submit", "--help"],
    ],
)
def test_help_loads_no_heavy_library(arguments: list[str]) -> None:
    code = (
        f"sys.argv = ['carbonize', *{arguments!r}]\n"
        "from carbonize.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as left:\n    assert not left.code"
    )
    # typer itself loads pydantic once it looks into a command
    assert loaded_by(code) <= ({"pydantic"} if len(arguments) > 1 else set())


def test_importing_the_package_loads_no_heavy_library() -> None:
    assert loaded_by("import carbonize; carbonize.__version__; dir(carbonize)") == set()


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "carbonize", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"carbonize {carbonize.__version__}\n"


def test_public_functions_are_there_and_nothing_else_is() -> None:
    for name in ("run", "analyze", "calculator", "load_run"):
        assert callable(getattr(carbonize, name))
        assert name in dir(carbonize)
    with pytest.raises(AttributeError, match="no attribute 'anneal'"):
        _ = carbonize.anneal  # type: ignore[attr-defined]
