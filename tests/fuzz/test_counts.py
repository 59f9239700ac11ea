"""A number in a small file must not cost memory or time out of proportion to the file.

In a process of its own: a reader that fails here may take all the memory there is, or crash.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

SETUP = """
import io, os, resource, struct, sys, tempfile, time, zipfile
from pathlib import Path
import numpy as np
sys.path[:0] = sys.argv[1:2]
from fuzz.readers import _GSD, _all_frames, _as_text, PROTOCOL, gsd_bytes, state
from carbonize.config import load_protocol
from carbonize.errors import CarbonizeError
from carbonize.io.checkpoint import read_newest_checkpoint, write_checkpoint
from carbonize.io.gsd_layout import _ENTRY, read_layout
from carbonize.io.trajectory import TrajectoryReader, TrajectoryWriter
from carbonize.potentials.tersoff_parameters import read_lammps_tersoff
import ase.io.cif, ase.io.extxyz, ase.io.vasp, ase.io.proteindatabank, scipy.spatial

folder = Path(tempfile.mkdtemp())
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))

def peak_MB():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def refused(read, path, expected=""):
    before, start = peak_MB(), time.perf_counter()
    try:
        read(path)
    except CarbonizeError as err:
        message = str(err)
        assert len(message.splitlines()) == 1 and len(message) < 2000, message
        assert "MemoryError" not in message, message
        assert expected in message, message
    else:
        assert False, f"{path}: was read"
    assert time.perf_counter() - start < 20, f"{path}: {time.perf_counter() - start} s"
    assert peak_MB() - before < 400, f"{path}: {peak_MB() - before} MB"

def put(name, content):
    path = folder / name
    path.unlink(missing_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
"""

STRUCTURES = """
poscar = _as_text("vasp").split("\\n")
at = next(k for k, line in enumerate(poscar) if line.split() == ["8"])
for count in ("9999999", "8000000000", "99999999999999999999", "-8"):
    poscar[at] = count
    refused(_all_frames, put("POSCAR", "\\n".join(poscar)))
extxyz = _as_text("extxyz")
for count in ("99999999", "8000000000", "9" * 30):
    refused(_all_frames, put("x.extxyz", count + extxyz[1:]))
    refused(_all_frames, put("x.xyz", count + _as_text("xyz")[1:]))
for count in ("5000", "100000000", "9" * 30):
    refused(_all_frames, put("x.extxyz", extxyz.replace("pos:R:3", f"pos:R:{count}")))
    refused(_all_frames, put("x.extxyz", extxyz.replace("species:S:1", f"species:S:{count}")))
for length in ("1e30", "1e300", "0.001"):
    refused(_all_frames, put("x.cif", _as_text("cif").replace("3.6", length)))
# many atoms in one place: their pairs would be ten thousand million
same = f'100000\\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3 pbc="T T T"\\n'
refused(_all_frames, put("x.extxyz", same + "C 1 1 1\\n" * 100000), "overlap")
"""

TRAJECTORIES = """
def read(path):
    _all_frames(path)

def both(content, expected=""):
    path = put("x.gsd", content)
    refused(_all_frames, path, expected)
    refused(lambda p: list(TrajectoryReader(p)), path, expected)

def header(**fields):
    names = ["magic", "index_at", "allocated", "names_at", "blocks", "schema", "version"]
    values = list(struct.unpack_from("<QQQQQII", _GSD))
    for name, value in fields.items():
        values[names.index(name)] = value
    return struct.pack("<QQQQQII", *values) + _GSD[48:]

for number in (0, 2**20, 2**40, 2**59, 2**59 + 1, 2**60, 2**63, 2**64 - 1):
    both(header(allocated=number), "not a readable GSD file")
    both(header(index_at=number), "not a readable GSD file")
    both(header(blocks=number), "not a readable GSD file")
    both(header(names_at=number), "not a readable GSD file")

put("whole.gsd", _GSD)
with open(folder / "whole.gsd", "rb") as file:
    layout = read_layout(file.fileno())
ids = layout.name_ids()

def entry(number, **fields):
    index = layout.entries.copy()
    for name, value in fields.items():
        index[name][number] = value
    return _GSD[: layout.index_at] + index.tobytes() + _GSD[layout.index_at + index.nbytes :]

for number in range(len(layout.entries)):
    for fields in (
        {"N": 2**32}, {"N": 2**61 + 1}, {"N": 2**62, "M": 4}, {"M": 2**32 - 1}, {"N": 2**64 - 1, "M": 2**32 - 1},
        {"location": 2**62}, {"location": -8}, {"location": 1}, {"frame": 2**40}, {"id": 65535}, {"type": 12},
        {"type": 0}, {"flags": 1},
    ):
        both(entry(number, **fields))

for name in ("particles/N",):
    for row in layout.entries[layout.entries["id"] == ids[name]]:
        for count in (2**32 - 1, 2**20):
            raw = bytearray(_GSD)
            raw[int(row["location"]) : int(row["location"]) + 4] = count.to_bytes(4, "little")
            both(bytes(raw), "particles do not fit")

# numbers of bonds, and one stretch of bytes that many names claim as theirs
import gsd.hoomd
bonds = gsd.hoomd.Frame()
bonds.particles.N, bonds.particles.types = 2, ["C"]
bonds.particles.position = [[0, 0, 0], [1, 1, 1]]
bonds.configuration.box = [9, 9, 9, 0, 0, 0]
bonds.bonds.N, bonds.bonds.group, bonds.bonds.types = 1, [[0, 1]], ["a"]
for k in range(60):
    bonds.log[f"x{k}"] = np.zeros(2000)
with gsd.hoomd.open(str(folder / "b.gsd"), "w") as file:
    file.append(bonds)
raw = (folder / "b.gsd").read_bytes()
with open(folder / "b.gsd", "rb") as file:
    layout = read_layout(file.fileno())
ids = layout.name_ids()
at = int(layout.entries["location"][layout.entries["id"] == ids["bonds/N"]][0])
both(raw[:at] + (2**31).to_bytes(4, "little") + raw[at + 4 :], "particles do not fit")
index = layout.entries.copy()
big = index["N"] == 2000
index["location"][big] = 256
index["N"][big] = len(raw) // 8 - 256
both(raw[: layout.index_at] + index.tobytes() + raw[layout.index_at + index.nbytes :], "more content than bytes")
"""

CHECKPOINTS = """
def newest(path):
    read_newest_checkpoint(path.parent)

whole = write_checkpoint(folder, **state(), step=1)
with zipfile.ZipFile(whole) as archive:
    parts = {name: archive.read(name) for name in archive.namelist()}

def npy(shape, content=b""):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue() + content

def pack(method=zipfile.ZIP_STORED, **changed):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method, allowZip64=True) as archive:
        for name, raw in {**parts, **{f"{k}.npy": v for k, v in changed.items()}}.items():
            archive.writestr(name, raw)
    refused(newest, put(whole.name, file.getvalue()), "damaged")

for count in (10**9, 10**14, 2**63, 10**30):
    pack(positions=npy((2, count, 3), b"x" * 100))
    pack(header=npy((count,)))
pack(zipfile.ZIP_DEFLATED, positions=npy((2, 10**7, 3), bytes(48 * 10**7)))
pack(zipfile.ZIP_DEFLATED)
pack(**{f"a{k}": b"" for k in range(30000)})
pack(header=npy((30000,), b"[" * 240000))
"""

ENDLESS = """
import yaml
refused(load_protocol, Path("/dev/zero"), "over 512 KB")
refused(read_lammps_tersoff, Path("/dev/zero"), "over 4 MB")
refused(_all_frames, Path("/dev/zero"), "not a regular file")
for number in ("9" * 4000, "1e400", "-1", "1e9999999999"):
    for key in ("atoms", "replicas", "seed", "duration_ps"):
        text = yaml.safe_dump(PROTOCOL)
        line = next(line for line in text.split("\\n") if f"{key}:" in line)
        refused(load_protocol, put("p.yaml", text.replace(line, line.split(":")[0] + ": " + number)))
for deep in ("[" * 200000, "{a: " * 50000, "- " * 100000, "? " * 100000, "a:\\n " * 2 + "&x [" * 50000):
    refused(load_protocol, put("p.yaml", "name: x\\nstructure: " + deep))
refused(load_protocol, put("p.yaml", "- a\\n" * 50000))
"""


@pytest.mark.parametrize(
    "code",
    [STRUCTURES, TRAJECTORIES, CHECKPOINTS, ENDLESS],
    ids=["structures", "trajectories", "checkpoints", "protocols and potentials"],
)
def test_sizes_in_a_file_are_checked_before_memory_is_taken(
    code: str, request: pytest.FixtureRequest
) -> None:
    tests = str(request.config.rootpath / "tests")
    done = subprocess.run(
        [sys.executable, "-c", SETUP + code, tests], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
