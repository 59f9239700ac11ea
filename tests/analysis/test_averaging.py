"""Mean structures over neighbouring frames of a trajectory."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from carbonize.analysis.averaging import averaged, averaged_frames
from carbonize.errors import InputError


def test_noise_is_averaged_out_across_the_periodic_boundary_and_a_drift_is_not_smeared() -> None:
    random = np.random.default_rng(0)
    crystal = bulk("C", "diamond", a=3.567).repeat(4)  # triclinic, with atoms on its faces
    frames = []
    for k in range(-20, 21):
        atoms = crystal.copy()
        atoms.positions += 0.1 * random.standard_normal(atoms.positions.shape) + 0.4 * k
        atoms.wrap()
        frames.append(atoms)
    mean = averaged(frames)
    one, many = (
        a.get_all_distances(mic=True) - crystal.get_all_distances(mic=True) for a in (frames[20], mean)
    )
    assert np.abs(one).max() > 0.2
    assert np.sqrt((many**2).mean()) < 0.03


def test_a_breathing_cell_is_averaged_with_its_atoms() -> None:
    crystal = bulk("C", "diamond", a=3.567, cubic=True)
    frames = [crystal.copy() for _ in range(3)]
    for scale, atoms in zip((0.98, 1.0, 1.02), frames, strict=True):
        atoms.set_cell(crystal.cell * scale, scale_atoms=True)
    mean = averaged(frames)
    np.testing.assert_allclose(mean.cell.array, crystal.cell.array, atol=1e-12)
    np.testing.assert_allclose(
        mean.get_all_distances(mic=True), crystal.get_all_distances(mic=True), atol=1e-9
    )


def test_the_window_ends_where_atoms_are_added_and_info_is_the_middle_frames() -> None:
    small, large = bulk("C", "sc", a=3.0).repeat(2), bulk("C", "sc", a=3.0).repeat((2, 2, 3))
    frames = [small.copy() for _ in range(3)] + [large.copy() for _ in range(3)]
    for k, atoms in enumerate(frames):
        atoms.info["step"] = k
    means = list(averaged_frames(frames, 5))
    assert [len(atoms) for atoms in means] == [8, 8, 8, 12, 12, 12]
    assert [atoms.info["step"] for atoms in means] == list(range(6))


def test_different_atoms_and_even_windows_are_refused() -> None:
    with pytest.raises(InputError, match="no mean"):
        averaged([bulk("C"), bulk("Si")])
    with pytest.raises(InputError, match="odd"):
        list(averaged_frames([bulk("C")], 4))
    with pytest.raises(InputError, match="no frames"):
        averaged([])
