"""From run and study folders to replicas that may be compared, or one line that says why they may not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from carbonize.compare.replica import Block, Key, Replica
from carbonize.errors import InputError
from carbonize.io.paths import check_run_folder
from carbonize.io.rundir import Run, load_run
from carbonize.io.study import is_study, read_study

__all__ = ["Sources", "read_sources"]

_NOT_COMPARED = {"workers", "radius_uncertainty_A"}
"""Settings of an analysis that leave what is compared as it is."""

_OWN = {
    "dynamics": {"seed", "replicas", "cores_per_replica", "neighbor_skin_A", "neighbor_capacity", "limits"},
    "output": {"checkpoint_every_min"},
}
"""What may differ between runs of one protocol."""


@dataclasses.dataclass(frozen=True)
class Sources:
    """Replicas by protocol, in the order given; what was left out; what must be said."""

    protocols: dict[str, list[Replica]]
    left_out: list[str]
    caveats: list[str]


@dataclasses.dataclass(frozen=True)
class _Place:
    """A run folder, and what a study says of it."""

    folder: Path
    protocol: str | None = None
    precursor: str | None = None
    potential: str | None = None


def read_sources(paths: Sequence[str | Path], leave_out_unfinished: bool = False) -> Sources:
    """Open run and study folders and make sure that they can be compared.

    Parameters
    ----------
    paths
        Study folders (study.json) and run folders. Runs outside a study belong to the protocol
        of their name; runs of one name are its replicas.
    leave_out_unfinished
        Do without unfinished runs, failed replicas and runs shorter than others of their
        protocol, and say so, instead of refusing them.

    Raises
    ------
    InputError
        If a folder is missing or given twice, a run is not finished, a replica failed, two
        different protocols have one name, or lengths within a protocol, probes or settings of
        the analysis differ.
    """
    places = _places(paths)
    left_out: list[str] = []
    replicas: list[Replica] = []
    for place in places:
        why = _unfinished(place.folder)
        if why is not None:
            _refuse_or_leave_out(f"{place.folder}: {why}", leave_out_unfinished, left_out)
            continue
        replicas += _replicas(place, leave_out_unfinished, left_out)
    protocols: dict[str, list[Replica]] = {}
    for replica in replicas:
        protocols.setdefault(replica.protocol, []).append(replica)
    for name in protocols:
        own = protocols[name] = _same_length(name, protocols[name], leave_out_unfinished, left_out)
        _refuse_twins(own)
        _refuse_other_protocol(name, own)
    everyone = [replica for own in protocols.values() for replica in own]
    if not everyone:
        raise InputError("nothing to compare: " + ("; ".join(left_out) or "no run given"))
    _refuse_other_analysis(everyone)
    return Sources(protocols, left_out, _caveats(protocols))


def _places(paths: Sequence[str | Path]) -> list[_Place]:
    places: list[_Place] = []
    for path in map(Path, paths):
        if is_study(path):
            study = read_study(path)
            if not study.runs:
                raise InputError(f"{path}: the study has no runs")
            places += [_Place(path / r.folder, r.protocol, r.precursor, r.potential) for r in study.runs]
        elif path.is_file():
            raise InputError(
                f"{path}: is a file; give the folder of a run or a study (carbonize study --out)"
            )
        else:
            check_run_folder(path)
            places.append(_Place(path))
    seen: set[Path] = set()
    for place in places:
        where = place.folder.resolve()
        if where in seen:
            raise InputError(f"{place.folder}: given twice; a run counts once")
        seen.add(where)
    return places


def _unfinished(folder: Path) -> str | None:
    """Why a run has no end yet; None if it has one."""
    if not (folder / "manifest.json").is_file():
        return "has not begun; carbonize study runs it"
    manifest = load_run(folder).manifest
    status = manifest.get("status")
    if status == "finished" or (status == "failed" and manifest.get("ended") and manifest.get("failed")):
        return None
    step, total = manifest.get("step"), manifest.get("total_steps")
    return f"is not finished ({status}, step {step} of {total}); run it to its end"


def _refuse_or_leave_out(what: str, leave_out: bool, left_out: list[str]) -> None:
    if not leave_out:
        raise InputError(f"{what}, or do without it: --leave-out-unfinished")
    said = what.partition(";")[0]
    if said not in left_out:
        left_out.append(said)


def _replicas(place: _Place, leave_out: bool, left_out: list[str]) -> list[Replica]:
    run = load_run(place.folder)
    manifest, protocol = run.manifest, run.protocol
    failed = manifest.get("failed") or {}
    total = int(manifest.get("total_steps") or 0)
    by_number: dict[int, list[dict[str, Any]]] = {
        int(n): [] for n in manifest.get("replica_ids", range(int(manifest.get("replicas", 1))))
    }
    for record in run.records:
        by_number.setdefault(int(record["replica"]), []).append(record)
    found = []
    for number, own in sorted(by_number.items()):
        who = f"{place.folder}: replica {number}"
        fault = failed.get(str(number))
        if fault is not None:
            why = f"{who} failed at step {fault.get('step')}; change its protocol and run it again"
            _refuse_or_leave_out(why, leave_out, left_out)
            continue
        own.sort(key=lambda record: record["step"])
        if not own or own[-1]["step"] != total:
            at = f"ends at step {own[-1]['step']} of {total}" if own else "has no analysed frame"
            _refuse_or_leave_out(f"{who} {at}; its last frame was not analysed", leave_out, left_out)
            continue
        precursor = place.precursor or _start(run, number)
        block = Block(precursor, place.potential or _potential(protocol.potential))
        seed = None if place.precursor else int(protocol.dynamics.seed)
        name = place.protocol or _protocol_name(run, number)
        found.append(Replica(name, Key(block, seed, number), run, number, own))
    return found


def _protocol_name(run: Run, number: int) -> str:
    """The protocol's name; of a batch with several schedules, each is a protocol."""
    if len(run.protocol.named_schedules) == 1:
        return run.protocol.name
    return f"{run.protocol.name}, schedule {run.protocol.schedule_of(number)}"


def _start(run: Run, number: int) -> str:
    """A name for the structure that a replica started from, the same for the same structure."""
    which = run.protocol.start_of(number)
    structure = run.protocol.structure
    if structure.kind == "random":
        return f"random-{structure.atoms}-{structure.density_g_cm3:g}-seed-{structure.starts[which]}"
    origins = run.manifest.get("structures") or [run.manifest.get("structure") or {}]
    origin = origins[which] if which < len(origins) else {}
    digest = str(origin.get("sha256") or "")[:8] if isinstance(origin, Mapping) else ""
    return Path(structure.starts[which]).stem + (f"-{digest}" if digest else "")


def _potential(potential: Any) -> str:
    file = getattr(potential, "file", None)
    name = getattr(potential, "parameters", None) or potential.kind
    name = f"{potential.kind}-{Path(file).stem}" if file else name
    return name + ("+dispersion" if getattr(potential, "dispersion", None) else "")


def _same_length(name: str, own: list[Replica], leave_out: bool, left_out: list[str]) -> list[Replica]:
    longest = max(_length_ps(replica) for replica in own)
    kept = []
    for replica in own:
        length = _length_ps(replica)
        if abs(length - longest) <= 1e-6 * longest:
            kept.append(replica)
            continue
        why = (
            f"{replica.run.path}: is {length:g} ps long, but another run of protocol {name!r} is {longest:g} ps; "
            "runs of one protocol must have one length: give them different names"
        )
        _refuse_or_leave_out(why, leave_out, left_out)
    return kept


def _length_ps(replica: Replica) -> float:
    return int(replica.run.manifest["total_steps"]) * float(replica.run.protocol.dynamics.timestep_fs) / 1000


def _refuse_twins(own: Sequence[Replica]) -> None:
    seen: dict[Key, Replica] = {}
    for replica in own:
        twin = seen.setdefault(replica.key, replica)
        if twin is not replica:
            raise InputError(
                f"{twin.run.path} and {replica.run.path}: both hold replica {replica.number} of protocol "
                f"{replica.protocol!r} on {replica.key.block.precursor}; a copy is no further replica: leave one out, "
                "or give different protocols different names"
            )


def _refuse_other_protocol(name: str, own: Sequence[Replica]) -> None:
    first = own[0]
    for replica in own[1:]:
        if replica.run is first.run:
            continue
        differing = _differing(_recipe(first), _recipe(replica))
        if differing:
            raise InputError(
                f"{first.run.path} and {replica.run.path}: two different protocols are named {name!r} "
                f"(they differ in {', '.join(differing)}); give each a name of its own"
            )


def _recipe(replica: Replica) -> dict[str, Any]:
    data = replica.run.protocol.model_dump(mode="json")
    data["schedule"] = _schedule(replica)
    for key in ("name", "structure", "potential", "schedules", "analysis"):
        data.pop(key, None)
    for section, keys in _OWN.items():
        data[section] = {k: v for k, v in data[section].items() if k not in keys}
    return data


def _schedule(replica: Replica) -> Any:
    protocol = replica.run.protocol
    stages = protocol.named_schedules[protocol.schedule_of(replica.number)][1]
    return [stage.model_dump(mode="json") for stage in stages]


def _refuse_other_analysis(everyone: Sequence[Replica]) -> None:
    def settings(replica: Replica) -> dict[str, Any]:
        data = replica.run.protocol.analysis.model_dump(mode="json")
        return {k: v for k, v in data.items() if k not in _NOT_COMPARED}

    first = everyone[0]
    expected = settings(first)
    for run in {id(r.run): r for r in everyone[1:]}.values():
        differing = _differing(expected, settings(run))
        if differing:
            raise InputError(
                f"{first.run.path} and {run.run.path}: were analysed differently (analysis."
                f"{', analysis.'.join(differing)}); compare runs with the same probes and settings"
            )


def _differing(a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key in sorted(a.keys() | b.keys()):
        one, other = a.get(key), b.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found += _differing(one, other, f"{prefix}{key}.")
        elif one != other:
            found.append(f"{prefix}{key}")
    return found


def _caveats(protocols: Mapping[str, Sequence[Replica]]) -> list[str]:
    """Differences between protocols that a reader must know of."""
    said = []
    lengths = {name: _length_ps(own[0]) for name, own in protocols.items()}
    if len({round(length, 6) for length in lengths.values()}) > 1:
        listed = _listed(f"{name} {length:g} ps" for name, length in lengths.items())
        said.append(f"The protocols differ in length ({listed}): part of a difference may be time alone.")
    ends = {name: own[0].records[-1].get("target_K") for name, own in protocols.items()}
    known = {name: float(end) for name, end in ends.items() if end is not None}
    if known and max(known.values()) - min(known.values()) > 50.0:
        listed = _listed(f"{name} {end:.0f} K" for name, end in known.items())
        said.append(
            f"The last frames are at different temperatures ({listed}): hot atoms swing, and bonds near the "
            "cutoff flicker, so part of a difference may be thermal motion."
        )
    for path, words in (
        ("timestep_fs", "time step"),
        ("ensemble", "ensemble"),
        ("precision", "precision"),
        ("thermostat", "thermostat"),
        ("barostat", "barostat"),
    ):
        values = {str(getattr(own[0].run.protocol.dynamics, path)) for own in protocols.values()}
        if len(values) > 1:
            said.append(f"The protocols also differ in their {words}.")
    sizes: dict[str, set[int]] = {}
    for own in protocols.values():
        for replica in own:
            size = int(replica.records[-1]["frame"]["n_atoms"])
            sizes.setdefault(replica.key.block.precursor, set()).add(size)
    for precursor, found in sizes.items():
        if len(found) > 1:
            raise InputError(
                f"precursor {precursor!r} has {_listed(map(str, sorted(found)))} atoms in different runs; "
                "compare runs of the same start"
            )
    return said


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
