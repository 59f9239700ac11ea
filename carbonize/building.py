"""Make a start structure from its spec: one function for ``carbonize build`` and for studies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from carbonize.config.builds import FragmentsSpec, MeltQuenchSpec, RandomSpec, TemplatedSpec
from carbonize.crosslinking import fragment_structure
from carbonize.measuring import measure
from carbonize.potentials import make_potential
from carbonize.potentials.base import Potential
from carbonize.quenching import MeltQuench, Pores, check_size, melt_quench, random_structure
from carbonize.templating import templated_structure

__all__ = ["MeltQuench", "Pores", "build", "check_size", "melt_quench", "random_structure"]


def build(
    spec: RandomSpec | MeltQuenchSpec | FragmentsSpec | TemplatedSpec,
    watch: Callable[[str, float | None], None] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Make the start structure that ``spec`` describes; the same spec gives the same atoms.

    Parameters
    ----------
    spec
        See :func:`carbonize.config.builds.parse_build`.
    watch
        Called with (what happens, fraction done or None).

    Returns
    -------
    atoms
        :class:`ase.Atoms` in a periodic cell, relaxed, ready for dynamics. ``info`` holds ``origin``
        (the spec as JSON) and the measured numbers.
    measured
        :func:`carbonize.measuring.measure`, ``kind``, ``name``, ``seed``, ``warnings`` (a list of sentences,
        empty if everything asked for was reached), and ``fragments`` or ``templates`` with what
        belongs to those.

    Raises
    ------
    InputError
        If the spec asks for what is not possible.
    SimulationError
        If a relaxation or a melt breaks down.

    Examples
    --------
    >>> from carbonize.config.builds import parse_build
    >>> spec = parse_build({"kind": "random", "atoms": 500, "density_g_cm3": 1.0, "seed": 3})
    >>> atoms, measured = build(spec)  # doctest: +SKIP
    """
    potential = make_potential(spec.potential)
    say = watch if watch is not None else _silence
    atoms, minimum, extra = _make(spec, potential, say)
    say("measuring", None)
    measured = {
        "kind": spec.kind,
        "name": spec.name,
        "seed": spec.seed,
        **measure(atoms, minimum),
        **extra,
        "warnings": list(extra.get("warnings", [])),
    }
    if not minimum.converged:
        measured["warnings"].append(
            f"the relaxation stopped after {minimum.steps} steps with forces up to {minimum.max_force_eV_A:.2g} eV/A, "
            f"above its tolerance of {spec.force_tolerance_eV_A:g} eV/A"
        )
    atoms.info["origin"] = f"carbonize build: {spec.model_dump_json(exclude_defaults=True)}"
    atoms.info |= _plain(measured)
    return atoms, measured


def _make(spec: Any, potential: Potential, say: Callable[[str, float | None], None]) -> tuple[Any, Any, Any]:
    if isinstance(spec, RandomSpec):
        say("packing and relaxing", None)
        atoms, minimum = random_structure(
            potential,
            spec.atoms,
            spec.density_g_cm3,
            spec.seed,
            spec.min_distance_A,
            spec.force_tolerance_eV_A,
            watch=lambda n, e, f: say(f"relaxing: {n} steps, largest force {f:.2f} eV/A", None),
        )
        return atoms, minimum, {}
    if isinstance(spec, MeltQuenchSpec):
        wall = spec.wall_density_g_cm3
        atoms, minimum = melt_quench(
            potential,
            spec.atoms,
            spec.density_g_cm3,
            spec.seed,
            MeltQuench(spec.melt_K, spec.melt_ps, spec.quench_ps, spec.to_K, spec.timestep_fs),
            Pores(wall, spec.pore_diameter_A) if wall is not None else None,
            spec.force_tolerance_eV_A,
            watch=lambda what, done: say(f"melt and quench: {what}", done),
        )
        return atoms, minimum, {}
    if isinstance(spec, FragmentsSpec):
        return fragment_structure(
            potential,
            spec,
            spec.atoms,
            spec.density_g_cm3,
            spec.seed,
            spec.force_tolerance_eV_A,
            say,
        )
    return templated_structure(potential, spec, say)


def _plain(measured: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The numbers and words, those of inner dictionaries with the outer key before theirs."""
    found: dict[str, Any] = {}
    for key, value in measured.items():
        if isinstance(value, dict):
            found |= _plain(value, f"{prefix}{key}_")
        elif isinstance(value, bool | int | float | str):
            found[prefix + key] = value
    return found


def _silence(_what: str, _done: float | None) -> None:
    pass
