"""The command line: one verb a module, errors as one line and an exit code.

Exit codes: 0 done, 1 a failure of the machine (disk, missing program), 2 bad input,
3 the simulation failed, 75 interrupted and can be continued.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any, NoReturn

import typer

from carbonize import __version__
from carbonize.cli.analyze import analyze
from carbonize.cli.build import app as build_app
from carbonize.cli.calibrate import calibrate
from carbonize.cli.compare import compare
from carbonize.cli.compare_experiment import compare_experiment
from carbonize.cli.export import export
from carbonize.cli.plan import plan
from carbonize.cli.render import render
from carbonize.cli.report import report
from carbonize.cli.run import run
from carbonize.cli.status import status
from carbonize.cli.study import study
from carbonize.cli.submit import submit
from carbonize.cli.track import track
from carbonize.cli.xla import quiet_xla
from carbonize.errors import CarbonizeError, Interrupted

__all__ = ["app", "main"]

INTERRUPTED = 75

_CTRL_C = 130  # what typer returns for it

# click's base of wrong command lines, wherever this version of typer keeps its click
_USAGE_ERRORS: type[Exception] = typer.BadParameter.__mro__[2]

_BAD_PLACES = {
    getattr(errno, name)
    for name in ("EACCES", "EISDIR", "ELOOP", "ENAMETOOLONG", "ENOENT", "ENOTDIR", "EPERM", "EROFS")
}

app = typer.Typer(
    name="carbonize",
    help=(
        "Anneal disordered carbon into hard carbon, and see what becomes of every pore.\n\n"
        "Start with: carbonize run workflows/protocols/quickstart.yaml"
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"carbonize {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave."),
    ] = False,
) -> None:
    pass


app.command("plan")(plan)
app.command("run")(run)
app.command("status")(status)
app.command("study")(study)
app.command("submit")(submit)
app.command("analyze")(analyze)
app.command("track")(track)
app.command("calibrate")(calibrate)
app.add_typer(build_app, name="build")
app.command("render")(render)
app.command("compare")(compare)
app.command("report")(report)
app.command("export")(export)
app.command("compare-experiment")(compare_experiment)


def main() -> None:
    """Entry point of the ``carbonize`` command."""
    # quiet the libraries below us: their warnings are not about the user's work
    quiet_xla()
    try:
        # the library's own handling of errors would print several lines and hide Ctrl-C
        code = app(standalone_mode=False)
    except Interrupted as err:
        sys.stdout.flush()
        print(f"carbonize: {' '.join(str(err).splitlines())}", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except CarbonizeError as err:
        _fail(str(err), err.exit_code)
    except _USAGE_ERRORS as err:
        _fail_usage(err)
    except (KeyboardInterrupt, typer.Abort):
        code = _CTRL_C
    except BrokenPipeError:
        # the reader of our output went away (carbonize ... | head): nothing to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except OSError as err:
        place = f"{err.filename}: " if err.filename is not None else ""
        _fail(f"{place}{err.strerror or err}", 2 if err.errno in _BAD_PLACES else 1)
    except MemoryError:
        _fail("not enough memory; use fewer atoms or replicas", 1)
    if code == _CTRL_C:
        print("carbonize: interrupted; run the same command again to continue", file=sys.stderr)
        raise SystemExit(INTERRUPTED)
    raise SystemExit(code or 0)


def _fail(message: str, code: int) -> NoReturn:
    """One line on standard error, whatever a path or a library's message may hold."""
    sys.stdout.flush()
    print(f"carbonize: error: {' '.join(message.splitlines())}", file=sys.stderr)
    raise SystemExit(code)


def _fail_usage(err: Any) -> NoReturn:
    """Say what is wrong with the command line; a command without arguments shows its help."""
    if type(err).__name__ == "NoArgsIsHelpError":
        err.show()
        raise SystemExit(2)
    context = getattr(err, "ctx", None)
    command = context.command_path if context is not None else "carbonize"
    _fail(f"{err.format_message().rstrip('.')}; see {command} --help", 2)
