"""Every comparison on the CPU that docs/benchmarks.md reports, the goals first: ``make bench``.

What does not fit into ``--seconds`` is left out and named. First everything is compiled, a program on
every core. Programs and start structures are kept, so that a second call takes two thirds of the time.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import signal
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.comparison import Case, Effort, compare, ratio_lines
from benchmarks.processes import ChildFailed
from benchmarks.sides import Unavailable, environment
from benchmarks.warming import warm

BOTH = ("float64", "float32")
# case, effort, goals by precision, expected seconds
PLAN: tuple[tuple[Case, Effort, tuple[float, ...], float], ...] = (
    (Case("tersoff", BOTH, 8000), Effort(7, segment_s=0.6), (1.8, 2.5), 45),
    (Case("edip", BOTH, 8000), Effort(7, segment_s=0.5), (0.5, 0.8), 40),
    (Case("tersoff", BOTH, 8000, cores=2), Effort(7, segment_s=0.6), (1.6, 2.4), 50),
    (Case("nep", BOTH, 1000), Effort(7, segment_s=0.4), (5.0, 6.4), 30),
    (Case("nep", ("float64",), 1000, cores=2), Effort(7, segment_s=0.4), (8.0,), 20),
    (Case("nep", BOTH, 8000), Effort(5, segment_s=0.6, least_steps=15), (5.0, 6.4), 50),
    (Case("nep", ("float64",), 8000, cores=2), Effort(5, segment_s=0.6, least_steps=15), (8.0,), 35),
    (Case("tersoff", ("float32",), 512, cores=2, replicas=8), Effort(7, segment_s=0.5), (0.9,), 25),
    (Case("tersoff", BOTH, 64_000), Effort(5, segment_s=0.6, accelerated=False), (1.4, 2.2), 75),
)
MORE: tuple[tuple[Case, Effort, tuple[float, ...], float], ...] = (
    (Case("edip", ("float64",), 8000, cores=2), Effort(5, segment_s=0.5), (0.5,), 40),
    (Case("tersoff", ("float32",), 512, replicas=8), Effort(5, segment_s=0.5), (0.9,), 25),
    (Case("edip", ("float32",), 512, replicas=8), Effort(5, segment_s=0.5), (0.9,), 30),
)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suite", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), help="folder (default: runs/bench)")
    parser.add_argument("--seconds", type=float, default=590.0, help="end after this time (default: 590)")
    parser.add_argument("--only", default="", help="measure only cases whose label contains this")
    parser.add_argument(
        "--nep", type=Path, metavar="FILE", help="NEP4 model file (default: CARBONIZE_NEP_FILE)"
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()

    def note(text: str) -> None:
        print(f"[{time.perf_counter() - begin:4.0f} s] {text}", file=sys.stderr, flush=True)

    record: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "processor": _processor(),
        "cases": [],
        "left_out": [],
    }
    wanted = [case for case, *_ in PLAN if any(arguments.only in case.label(p) for p in case.precisions)]
    allowed = sorted(os.sched_getaffinity(0))
    # what is compiled while others are measured would disturb them; MORE is measured if time is left
    warm([case for case in wanted if case.cores <= len(allowed)], allowed, arguments.nep, note)
    for case, effort, goals, expected_s in PLAN + MORE:
        labels = [case.label(precision) for precision in case.precisions]
        if not any(arguments.only in label for label in labels):
            continue
        left_s = arguments.seconds - (time.perf_counter() - begin)
        try:
            if left_s < expected_s:
                raise TimeoutError(
                    f"{left_s:.0f} s left of {arguments.seconds:.0f}, needs about {expected_s:.0f}"
                )
            if len(allowed) < case.cores:
                raise Unavailable(f"this process may use {len(allowed)} core(s)")
            env = environment(case.potential, arguments.nep, case.replicas == 1)
            with _at_most(left_s):
                results = compare(case, effort, allowed[-case.cores :], env, note)
        except (ChildFailed, TimeoutError, Unavailable) as reason:
            record["left_out"] += [{"label": label, "why": str(reason)} for label in labels]
            print("\n".join(f"left out: {label}: {reason}" for label in labels), flush=True)
            continue
        for result, goal in zip(results, goals, strict=True):
            record["cases"].append(result | {"goal": goal})
            print("\n".join(ratio_lines(result)), flush=True)
        _write(arguments.out, record)
    _write(arguments.out, record)
    print("\n" + bench_table(record))
    print(f"written: {arguments.out / 'bench.json'}, {arguments.out / 'bench.md'}")


def bench_table(record: dict[str, Any]) -> str:
    """Goal beside measured, in markdown."""
    lines = [
        f"{record['processor']}, {record['date']}",
        "",
        "| case | against | ratio | range | goal | ours, ns/atom-step | peer, ns/atom-step |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in record["cases"]:
        for k, (peer, ratio) in enumerate(case["ratios"].items()):
            mine, other = (case["sides"][name]["ns_per_atom_step"] for name in ("carbonize", peer))
            span = f"{ratio['min']:.2f}-{ratio['max']:.2f}"
            goal = f"{case['goal']:g}" if k == 0 else ""
            cells = [case["label"], peer, f"{ratio['median']:.2f}", span, goal, f"{mine:.0f}", f"{other:.0f}"]
            lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        *(f"WARNING {case['label']}: {text}" for case in record["cases"] for text in case["warnings"]),
    ]
    lines += [f"left out: {left['label']}: {left['why']}" for left in record["left_out"]]
    return "\n".join(lines).rstrip() + "\n"


def _write(folder: Path, record: dict[str, Any]) -> None:
    (folder / "bench.json").write_text(json.dumps(record, indent=1) + "\n")
    (folder / "bench.md").write_text(bench_table(record))


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


class _at_most:  # noqa: N801
    """Raise TimeoutError if the block takes longer than so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        def late(*_: object) -> None:
            raise TimeoutError("the time was up")

        self._before = signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, self._before)


if __name__ == "__main__":
    main()
