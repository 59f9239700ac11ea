"""The command line: one verb a module, errors as one line and an exit code.

Exit codes: 0 done, 1 a failure of the machine (disk, missing program), 2 bad input,
3 the simulation failed, 75 interrupted and can be continued.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from carbonize import __version__
from carbonize.cli.analyze import analyze
from carbonize.cli.build import app as build_app
from carbonize.cli.export import export
from carbonize.cli.report import report
from carbonize.cli.run import run
from carbonize.errors import CarbonizeError

__all__ = ["app", "main"]

INTERRUPTED = 75

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
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    pass


app.command("run")(run)
app.command("analyze")(analyze)
app.add_typer(build_app, name="build")
app.command("report")(report)
app.command("export")(export)


def main() -> None:
    """Entry point of the ``carbonize`` command."""
    # quiet the libraries below us: their warnings are not about the user's work
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        app()
    except CarbonizeError as err:
        sys.stdout.flush()
        print(f"carbonize: error: {err}", file=sys.stderr)
        raise SystemExit(err.exit_code) from None
    except KeyboardInterrupt:
        print("carbonize: interrupted; run the same command again to continue", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        # the reader of our output went away (carbonize ... | head): nothing to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
