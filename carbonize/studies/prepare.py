"""Make the folder of a study: precursors, one prepared run folder a run, and study.json at last."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from carbonize.config import dump_protocol
from carbonize.config.models import FileStructure
from carbonize.config.study import Precursor, Study
from carbonize.errors import InputError
from carbonize.io.files import check_folder, make_folder, make_subfolder, read_json, write_atomic
from carbonize.io.lock import RunLock
from carbonize.io.study import StudyManifest, is_study, read_study, write_study
from carbonize.studies.plan import (
    PlannedRun,
    differences,
    fingerprint,
    manifest_of,
    plan,
    potential_copy,
    precursor_file,
)

__all__ = ["check_study", "prepare_study"]

_FINGERPRINT = "fingerprint.json"
_MOST_SHOWN = 4


def check_study(study: Study) -> tuple[PlannedRun, ...]:
    """The runs of a study, after everything that can be wrong with them was looked for.

    Raises
    ------
    InputError
        If a schedule cannot be run, or a precursor's file does not suit a potential.
    """
    from carbonize.schedules import compile_protocol

    runs = plan(study)
    for protocol in study.protocols:
        try:
            compile_protocol(protocol.config)
        except InputError as err:
            raise InputError(f"{protocol.path}: {err}") from None
    for precursor in study.precursors:
        if precursor.path is not None:
            _check_start(precursor.path, precursor, study)
    return runs


def prepare_study(study: Study, folder: Path, said: Callable[[str], None]) -> StudyManifest:
    """Make the folder of a study, or complete it; a folder that is complete is left as it is.

    Parameters
    ----------
    study, folder
        What it shall hold, and where.
    said
        Told what happens.

    Raises
    ------
    InputError
        If something in the study cannot be used, or the folder holds something else.
    CarbonizeError
        If the disk takes no more.
    """
    check_folder(folder)
    content = fingerprint(study)
    if is_study(folder):
        _refuse_another(folder, content)
        return read_study(folder)
    begun = (folder / _FINGERPRINT).is_file()
    if not begun and folder.is_dir() and any(p.name != ".lock" for p in folder.iterdir()):
        raise InputError(f"{folder}: not empty and not a study folder; choose another --out")
    runs = check_study(study)
    make_folder(folder)
    with RunLock(folder) as lock:
        if (folder / _FINGERPRINT).is_file():
            _refuse_another(folder, content)
        else:
            write_atomic(folder / _FINGERPRINT, json.dumps(content, indent=1) + "\n")
        for name in ("precursors", "potentials", "runs"):
            make_subfolder(folder / name)
        for precursor in study.precursors:
            _make_precursor(precursor, folder / "precursors", study, said)
            lock.refresh()
        for law in {str(law): law for p in study.protocols for _, law in study.potentials_of(p)}.values():
            copy = potential_copy(law)
            if copy is not None:
                write_atomic(folder / "potentials" / copy, Path(law.file).read_bytes())
        for planned in runs:
            _make_run(planned, folder)
        manifest = manifest_of(study, runs)
        write_study(folder, manifest)
    return manifest


def _refuse_another(folder: Path, content: dict[str, Any]) -> None:
    """Refuse a folder that belongs to another study, or to this one before it was changed."""
    # through JSON once more: what was written and what is new must be of the same types
    found = differences(read_json(folder / _FINGERPRINT), json.loads(json.dumps(content)))
    if found:
        more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
        raise InputError(
            f"{folder}: holds another study, or this one was changed since ({'; '.join(found[:_MOST_SHOWN])}{more}); "
            "choose another --out, or restore what was changed"
        )


def _make_precursor(precursor: Precursor, folder: Path, study: Study, said: Callable[[str], None]) -> None:
    target = folder / precursor_file(precursor)
    if precursor.path is not None:
        if not target.is_file():
            write_atomic(target, precursor.path.read_bytes())
        return
    record = folder / f"{precursor.name}.json"
    spec = precursor.spec.model_dump(mode="json")
    if target.is_file() and record.is_file() and read_json(record).get("spec") == spec:
        return
    from io import StringIO

    from ase.io import write

    from carbonize.building import build

    said(f"building the precursor {precursor.name} ({precursor.spec.kind}, seed {precursor.spec.seed})")
    atoms, measured = build(precursor.spec)
    for warning in measured.get("warnings", []):
        said(f"precursor {precursor.name}: {warning}")
    text = StringIO()
    write(text, atoms, format="extxyz")
    write_atomic(target, text.getvalue())
    _check_start(target, precursor, study)
    write_atomic(record, json.dumps({"spec": spec, "measured": measured}, indent=1) + "\n")


def _check_start(path: Path, precursor: Precursor, study: Study) -> None:
    """Refuse a structure that one of the study's potentials cannot start from."""
    from carbonize.potentials import make_potential
    from carbonize.starting import start_structures

    laws = {str(law): law for protocol in study.protocols for _, law in study.potentials_of(protocol)}
    for law in laws.values():
        try:
            start_structures(FileStructure(kind="file", path=str(path)), make_potential(law), law.kind)
        except InputError as err:
            raise InputError(f"precursor {precursor.name}: {err}") from None


def _make_run(planned: PlannedRun, folder: Path) -> None:
    root = folder / planned.run.folder
    make_subfolder(root)
    protocol = root / "protocol.yaml"
    if not protocol.is_file():
        write_atomic(protocol, dump_protocol(planned.config))
