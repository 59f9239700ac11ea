"""One run of a study: the program of :class:`carbonize.studies.child.Child`.

``python -m carbonize.cli.study_run [--no-report] [--cores 0,1] FOLDER FD PARENT``
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from carbonize.cli.xla import quiet_xla
from carbonize.errors import CarbonizeError
from carbonize.studies.child import Outcome, bind_to_parent, report_outcome

__all__ = ["main"]


def main() -> None:
    """Run a prepared run folder and tell the parent how it ended."""
    given = sys.argv[1:]
    folder, fd, parent = Path(given[-3]), int(given[-2]), int(given[-1])
    quiet_xla()
    bind_to_parent(parent)
    if "--cores" in given and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in given[given.index("--cores") + 1].split(",")})
    outcome = _outcome(folder, "--no-report" not in given)
    report_outcome(fd, outcome)
    raise SystemExit(outcome.code)


def _outcome(folder: Path, report: bool) -> Outcome:
    try:
        _go(folder, report)
    except CarbonizeError as err:
        return Outcome(err.exit_code, " ".join(str(err).splitlines()))
    except KeyboardInterrupt:
        return Outcome(75, "interrupted")
    except MemoryError:
        return Outcome(1, "not enough memory; use fewer atoms or replicas")
    except OSError as err:
        return Outcome(1, f"{err.filename or folder}: {err.strerror or err}")
    return Outcome(0)


def _go(folder: Path, report: bool) -> None:
    from carbonize.cli.progress import make_observer
    from carbonize.cli.xla import mend_compilation_cache, use_compilation_cache
    from carbonize.config import load_protocol
    from carbonize.running import run

    config = load_protocol(folder / "protocol.yaml")
    use_compilation_cache()
    mend_compilation_cache()
    run(config, folder, make_observer(), report=report)


if __name__ == "__main__":
    main()
