"""The readers under test: for each a strategy of files, and what must hold of one of them."""

from __future__ import annotations

import copy
import io
import itertools
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from ase.build import bulk
from ase.io import write
from fuzz.mutation import finite, put, reads_or_refuses, spoiled, spoiled_bytes
from hypothesis import strategies as st
from nep_files import Kind

from carbonize.config import dump_protocol, load_protocol, parse_protocol
from carbonize.io import checkpoint
from carbonize.io.checkpoint import read_newest_checkpoint, write_checkpoint
from carbonize.io.frames import read_frames
from carbonize.io.lock import lock_owner
from carbonize.io.status import run_status
from carbonize.io.trajectory import TrajectoryReader, TrajectoryWriter, make_frame, set_coordination
from carbonize.io.validation import validate_atoms
from carbonize.potentials.nep_file import read_nep
from carbonize.potentials.tersoff_parameters import NAMED_SETS, lammps_text, read_lammps_tersoff
from carbonize.schedules import compile_schedule


class Reader(NamedTuple):
    """What files are tried, and how one of them is read."""

    cases: st.SearchStrategy[Any]
    read: Callable[[Path, Any], None]


# -- protocols

PROTOCOL: dict[str, Any] = {
    "name": "small",
    "structure": {"kind": "random", "atoms": 64, "density_g_cm3": 2.0, "seed": 3},
    "potential": {"kind": "tersoff", "parameters": "tersoff-1989"},
    "dynamics": {
        "timestep_fs": 0.5,
        "thermostat": {"kind": "langevin", "friction_per_ps": 10.0},
        "precision": "float64",
        "seed": 1,
        "replicas": 2,
        "neighbor_skin_A": 1.2,
        "neighbor_capacity": 32,
    },
    "schedule": [
        {"kind": "hold", "temperature_K": 300, "duration_ps": 0.1},
        {"kind": "ramp", "to_K": 3000, "rate_K_per_ps": 1000},
        {"kind": "quench", "to_K": 300, "duration_ps": 0.1},
    ],
    "output": {"frame_every_ps": 0.1, "analysis_every_ps": 0.1, "checkpoint_every_min": 10},
    "analysis": {"bond_cutoff_A": 1.85, "probes_A": {"He": 2.6}, "radii_A": {"C": 1.7}, "persistence_A": 0.5},
}

_NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([0, -1, 2**31, 2**32, 2**63, 10**400, 1e308, 5e-324, float("nan"), float("inf"), True]),
)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, st.text(max_size=20), st.dates(), st.binary(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=6,
)
_SNIPPETS = st.sampled_from(
    [
        "!!python/object/apply:os.system ['true']",
        "!!python/name:os.system",
        "!!binary aGVsbG8=",
        "!!set {a, b}",
        "!!int x",
        "&a [*a]",
        "*a",
        "<<: {name: x}",
        "? [a, b]\n: c",
        "? {a: b}\n: c",
        "2001-99-99",
        "1:2:3",
        "[" * 3000,
        "{a: " * 2000,
        "- " * 2000,
        "? " * 500,
        "'" + "x" * 50_000 + "'",
        "x" * 50_000 + ": 1",
        "9" * 5000,
        "\t",
        "%YAML 9.9\n---",
        "--- 1\n--- 2",
        "|\n text",
    ]
)


@st.composite
def _changed_protocol(draw: st.DrawFn) -> bytes:
    """A valid protocol with entries of any kind put in, renamed or taken out."""
    data = copy.deepcopy(PROTOCOL)
    for _ in range(draw(st.integers(1, 3))):
        here: Any = data
        while True:
            keys = list(here) if isinstance(here, dict) else list(range(len(here)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(here[key], dict | list) and here[key] and draw(st.integers(0, 3)):
                here = here[key]
                continue
            how = draw(st.sampled_from(["value", "value", "number", "drop", "rename"]))
            if how == "value":
                here[key] = draw(_VALUES)
            elif how == "number":
                here[key] = draw(_NUMBERS)
            elif how == "drop":
                del here[key]
            elif isinstance(here, dict):
                here[draw(st.text(max_size=12))] = here[key]
            break
    return yaml.safe_dump(data, allow_unicode=draw(st.booleans())).encode("utf-8", "surrogatepass")


@st.composite
def _spliced_protocol(draw: st.DrawFn) -> bytes:
    lines = yaml.safe_dump(PROTOCOL).split("\n")
    k = draw(st.integers(0, len(lines) - 1))
    indent = " " * draw(st.integers(0, 6))
    head = lines[k].split(":")[0] + ": " if draw(st.booleans()) else indent
    lines[k] = head + draw(_SNIPPETS)
    return "\n".join(lines).encode()


def _read_protocol(folder: Path, raw: bytes) -> None:
    path = put(folder / "p.yaml", raw)
    with reads_or_refuses():
        config = load_protocol(path)
        assert parse_protocol(yaml.safe_load(dump_protocol(config))) == config
        schedule = compile_schedule(config.schedule, config.dynamics.timestep_fs)
        assert 0 < schedule.total_steps < 2**31
        assert finite(*(schedule.temperature_K(step) for step in (0, schedule.total_steps // 2)))


# -- structures


def _carbon() -> Any:
    atoms = bulk("C", "diamond", a=3.6, cubic=True)
    atoms.rattle(0.05, seed=1)
    return atoms


def _as_text(fmt: str) -> str:
    text = io.BytesIO() if fmt == "cif" else io.StringIO()
    write(text, [_carbon()] if fmt in ("cif", "vasp") else [_carbon()] * 2, format=fmt)
    content = text.getvalue()
    return content.decode() if isinstance(content, bytes) else content


_FORMATS = {
    "x.extxyz": "extxyz",
    "x.cif": "cif",
    "POSCAR": "vasp",
    "x.xyz": "xyz",
    "x.pdb": "proteindatabank",
}


def _structure_cases() -> st.SearchStrategy[Any]:
    return st.one_of([st.tuples(st.just(name), spoiled([_as_text(fmt)])) for name, fmt in _FORMATS.items()])


def _all_frames(path: Path) -> None:
    for index, atoms in itertools.islice(read_frames(path), 20):
        validate_atoms(atoms, f"{path}, frame {index}")
        assert len(atoms) > 0
        assert finite(atoms.positions, atoms.cell.array)


def _read_structure(folder: Path, case: tuple[str, bytes]) -> None:
    name, raw = case
    path = put(folder / name, raw)
    with reads_or_refuses():
        _all_frames(path)


# -- potentials

_TERSOFF = "# comment\n" + "".join(
    lammps_text(entry).replace(" 1393.6", "\n 1393.6") for entry in NAMED_SETS.values()
)


def _read_potential(folder: Path, raw: bytes) -> None:
    path = put(folder / "C.tersoff", raw)
    with reads_or_refuses():
        entry = read_lammps_tersoff(path)
        assert finite(list(entry.__dict__.values()))
        assert 0 < entry.cutoff_A <= 20


_NEP = [
    Kind(n_max=(1, 1), basis_size=(1, 1), neurons=2).text(),
    Kind(tag="nep3_zbl", elements=("C", "H"), zbl="0 0", n_max=(0, 0), basis_size=(1, 1), neurons=1).text(),
]


def _read_nep(folder: Path, raw: bytes) -> None:
    path = put(folder / "nep.txt", raw)
    with reads_or_refuses():
        model = read_nep(path)
        assert finite(
            model.input_weights, model.input_biases, model.output_weights, model.radial, model.angular
        )
        assert 0 < model.angular_A.max() <= model.radial_A.max() <= 20


# -- checkpoints


def state(replicas: int = 2, atoms: int = 4) -> dict[str, Any]:
    """Arrays of a small checkpoint."""
    rng = np.random.default_rng(0)
    return {
        "positions": rng.normal(size=(replicas, atoms, 3)),
        "momenta": rng.normal(size=(replicas, atoms, 3)),
        "keys": rng.integers(0, 2**32, (replicas, 2), dtype=np.uint32),
        "cells": np.repeat(9.0 * np.eye(3)[None], replicas, axis=0),
        "thermostat": rng.normal(size=(replicas, 2)),
        "numbers": np.full(atoms, 6, np.int32),
    }


def _whole_checkpoint(replicas: int) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        about = {"replicas": list(range(replicas)), "failed": {"0": {"step": 3, "message": "m"}}}
        return write_checkpoint(Path(place), **state(replicas), step=100, **about).read_bytes()


class Bomb:
    """Would end the process when unpickled."""

    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('executed')",))


@st.composite
def _made_up_checkpoint(draw: st.DrawFn) -> bytes:
    """A well-formed archive whose checksums fit, with odd arrays and an odd header."""
    arrays: dict[str, Any] = state()
    for name in draw(st.lists(st.sampled_from(list(arrays)), max_size=2, unique=True)):
        dtypes = ["f8", "f4", "u4", "i4", "i8", ">f8", "c16", "b1", "S3", "U2", "M8[s]", "f2"]
        dtype = np.dtype(draw(st.sampled_from(dtypes)))
        shape = tuple(draw(st.lists(st.integers(0, 4), max_size=4)))
        raw = draw(st.binary(min_size=64, max_size=64)) * 300
        arrays[name] = np.frombuffer(raw, dtype, int(np.prod(shape))).reshape(shape)
        if draw(st.integers(0, 9)) == 0:
            arrays[name] = np.array([Bomb()], dtype=object)
    if draw(st.integers(0, 4)) == 0:
        del arrays[draw(st.sampled_from(list(arrays)))]
    header: dict[str, Any] = {"format": 2, "step": 100, "replicas": [0, 1], "failed": {}}
    for key in draw(st.lists(st.sampled_from([*header, "sha256", "x"]), max_size=2)):
        header[key] = draw(_VALUES.filter(_is_json))
    try:
        header.setdefault("sha256", checkpoint._digests(arrays))
        header["checksum"] = checkpoint._checksum(arrays, header)
    except (KeyError, ValueError, TypeError):
        header["checksum"] = "none"
    file = io.BytesIO()
    np.savez(file, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    return file.getvalue()


@st.composite
def _repacked_checkpoint(draw: st.DrawFn) -> bytes:
    """The parts of a checkpoint spoiled and packed again, so that the archive itself is sound."""
    with zipfile.ZipFile(io.BytesIO(_CHECKPOINTS[0])) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in draw(st.lists(st.sampled_from(list(parts)), min_size=1, max_size=2)):
        parts[name] = draw(spoiled_bytes([parts[name]], places=list(range(12))))
    file = io.BytesIO()
    method = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, raw in parts.items():
            archive.writestr(name, raw)
    return file.getvalue()


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _read_checkpoint(folder: Path, raw: bytes) -> None:
    put(folder / "step-000000000100.npz", raw)
    with reads_or_refuses():
        said: list[str] = []
        try:
            found = read_newest_checkpoint(folder, on_damage=said.append)
        finally:
            assert all(len(message.splitlines()) == 1 and len(message) < 1000 for message in said), said
        assert found is not None
        assert finite(*found[:5])
        assert found.positions.shape == found.momenta.shape == (*found.keys.shape[:1], len(found.numbers), 3)
        assert 0 <= found.step < 2**31


# -- trajectories


def gsd_bytes(frames: int = 3, atoms: int = 8) -> bytes:
    """A small trajectory as a run writes it."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.gsd"
        writer = TrajectoryWriter(path)
        for k in range(frames):
            positions = np.random.default_rng(k).uniform(0, 9, (atoms, 3))
            scalars = {"time_ps": 0.1 * k, "temperature_K": 300.0}
            frame = make_frame(
                positions, 9.0 * np.eye(3), ["C"] * atoms, np.full(atoms, 12.0), 10 * k, scalars
            )
            set_coordination(frame, np.full(atoms, 3))
            writer.append(frame)
        writer.close()
        return path.read_bytes()


def _read_trajectory(folder: Path, raw: bytes) -> None:
    path = put(folder / "a.gsd", raw)
    with reads_or_refuses():
        _all_frames(path)
    with reads_or_refuses():
        for atoms in TrajectoryReader(path):
            assert len(atoms) * 4 <= len(raw)
    with reads_or_refuses():
        writer = TrajectoryWriter(path, resume_at=10)
        assert writer.steps == sorted(set(writer.steps))
        assert all(step <= 10 for step in writer.steps)
        writer.close()


# -- run folders

_MANIFEST = {
    "schema_version": 1,
    "name": "small",
    "status": "running",
    "message": None,
    "n_atoms": 4,
    "replicas": 2,
    "replica_ids": [0, 1],
    "failed": {"1": {"step": 3, "message": "m", "never_good": False}},
    "step": 0,
    "total_steps": 1000,
    "timestep_fs": 0.5,
}
_LOCK = {
    "pid": 1,
    "host": "h",
    "user": "u",
    "started": "t",
    "command": "c",
    "lock": "heartbeat",
    "birth": "1",
}
_ROW = json.dumps({"step": 5, "replica": 0}) + "\n"


@st.composite
def _folder_case(draw: st.DrawFn) -> dict[str, bytes]:
    files = {
        "manifest.json": json.dumps(_MANIFEST, indent=1),
        "series.jsonl": _ROW * 5,
        ".lock": json.dumps(_LOCK),
    }
    chosen = draw(st.sampled_from(list(files)))
    return {
        name: draw(spoiled([text])) if name == chosen else text.encode()
        for name, text in files.items()
        if name == chosen or draw(st.booleans()) or name == "manifest.json"
    }


def _read_folder(folder: Path, files: dict[str, bytes]) -> None:
    from carbonize.cli.status import _lines

    put(folder / "protocol.yaml", b"name: x\n")
    for name, raw in files.items():
        put(folder / name, raw)
    with reads_or_refuses():
        lock_owner(folder)
        found = run_status(folder)
        json.dumps(found, allow_nan=False)
        assert found["state"] in ("running", "finished", "interrupted", "failed")
        assert _lines(found)


_CHECKPOINTS = [_whole_checkpoint(1), _whole_checkpoint(2)]
_GSD = gsd_bytes()

READERS = {
    "protocol": Reader(
        st.one_of(
            _changed_protocol(),
            _changed_protocol(),
            _spliced_protocol(),
            spoiled([yaml.safe_dump(PROTOCOL)]),
            st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
            st.binary(max_size=200),
        ),
        _read_protocol,
    ),
    "structure": Reader(_structure_cases(), _read_structure),
    "potential": Reader(spoiled([_TERSOFF, lammps_text(NAMED_SETS["tersoff-1989"])]), _read_potential),
    "nep": Reader(spoiled(_NEP), _read_nep),
    "checkpoint": Reader(
        st.one_of(
            spoiled_bytes(_CHECKPOINTS, places=[len(_CHECKPOINTS[1]) - k for k in range(1, 700)]),
            _made_up_checkpoint(),
            _repacked_checkpoint(),
        ),
        _read_checkpoint,
    ),
    "trajectory": Reader(
        spoiled_bytes([_GSD, gsd_bytes(1, 3)], places=[*range(0, 48, 4), *range(256, 256 + 32 * 40, 4)]),
        _read_trajectory,
    ),
    "run folder": Reader(_folder_case(), _read_folder),
}


def try_one(name: str, case: Any) -> None:
    """Read one case in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        READERS[name].read(folder, case)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
