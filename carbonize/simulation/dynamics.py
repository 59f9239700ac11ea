"""One compiled chunk of molecular dynamics.

Every step is B A O A B (Leimkuhler and Matthews, J. Chem. Phys. 138, 174102 (2013)): half a
kick, half a drift, the thermostat, half a drift, half a kick. Without a thermostat this is
velocity Verlet; the barostat scales cell, positions and momenta beside the thermostat.

A replica that breaks down inside a chunk is stopped there, its needs are ignored, and the
others go on; compiled code cannot raise, so it returns a code (:class:`carbonize.types.Result`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from carbonize.potentials.slots import barrier
from carbonize.schedules import Pieces
from carbonize.simulation.barostats import CellRescaling
from carbonize.simulation.cells import volume_A3, wrapped
from carbonize.simulation.decomposition import divided
from carbonize.simulation.forces import ForceField, Needs
from carbonize.simulation.neighbors import Near, Neighbors, outdated
from carbonize.simulation.state import State, select_replicas
from carbonize.simulation.thermostats import Bath, Thermostat
from carbonize.types import Result
from carbonize.units import BOLTZMANN_EV_K, GPA_PER_EV_A3, fs_to_internal

__all__ = ["ChunkReport", "Fault", "Limits", "Motion", "System", "make_chunk"]


@dataclasses.dataclass(frozen=True)
class Limits:
    """Beyond these a replica has broken down: K, eV per atom (of the potential energy's magnitude), A."""

    max_temperature_K: float
    max_energy_eV_per_atom: float
    min_distance_A: float


@dataclasses.dataclass(frozen=True)
class Motion:
    """Equations of motion: time step (fs), thermostat, barostat (None: fixed cell), and limits."""

    timestep_fs: float
    thermostat: Thermostat
    barostat: CellRescaling | None
    limits: Limits

    def degrees(self, atoms: int) -> int:
        """Thermal degrees of freedom."""
        return 3 * atoms - (3 if self.thermostat.keeps_momentum else 0)


class System(NamedTuple):
    """What does not change in a run: masses (amu), species, and every replica's schedule."""

    masses_amu: Float[Array, " atom"]
    species: Int[Array, " atom"]
    pieces: Pieces


class Fault(NamedTuple):
    """What was seen when a replica broke down: code (0: it did not), absolute step, K, eV per atom, A."""

    code: Int[Array, " replica"]
    step: Int[Array, " replica"]
    temperature_K: Float[Array, " replica"]
    energy_eV_per_atom: Float[Array, " replica"]
    closest_A: Float[Array, " replica"]


class ChunkReport(NamedTuple):
    """What a chunk tells the host, per replica.

    Energies are totals (eV) at the chunk's last step; ``bath_eV`` is the energy the thermostat
    took out since the start of the run. ``mean_temperature_K`` and ``mean_pressure_GPa`` are over
    the chunk's steps. ``steps`` says how many steps were really made (fewer than asked if
    something was too small) and ``rebuilds`` how many lists were built.
    """

    potential_eV: Float[Array, " replica"]
    kinetic_eV: Float[Array, " replica"]
    bath_eV: Float[Array, " replica"]
    temperature_K: Float[Array, " replica"]
    mean_temperature_K: Float[Array, " replica"]
    max_temperature_K: Float[Array, " replica"]
    pressure_GPa: Float[Array, " replica"]
    mean_pressure_GPa: Float[Array, " replica"]
    volume_A3: Float[Array, " replica"]
    needs: Needs
    fault: Fault
    steps: Int[Array, " replica"]
    rebuilds: Int[Array, " replica"]


class _Loop(NamedTuple):
    """What changes from step to step: ``state`` is already on its way to the next one."""

    state: State
    forces: Array
    potential_eV: Array
    virial_eV: Array
    stale: Array
    stale_near: Array
    needs: Needs
    fault: Fault
    done: Array
    rebuilds: Array
    heat: Array
    hottest: Array
    push: Array


Chunk = Callable[[State, System, Bool[Array, " replica"], Int[Array, ""]], tuple[State, ChunkReport]]


def make_chunk(field: ForceField, motion: Motion, cores: int = 1) -> Chunk:
    """Compile-ready function ``chunk(state, system, active, n_steps) -> (state, report)``.

    The neighbour list is built anew at the start of every chunk, in every run, so that the
    state is all a restart needs. Inside, it is rebuilt when an atom has moved half the skin:
    one scalar decides for all replicas that a chunk is given.

    Parameters
    ----------
    field
        Forces.
    motion
        Equations of motion.
    cores
        Above 1: the chunk is the share of one of so many cores in advancing one replica
        (:mod:`carbonize.simulation.decomposition`).
    """
    if cores > 1:
        field = divided(field, cores)
    timestep = fs_to_internal(motion.timestep_fs)
    fixed_cell = motion.barostat is None

    def chunk(start: State, system: System, active: Array, n_steps: Array) -> tuple[State, ChunkReport]:
        replicas, atoms, _ = start.positions.shape
        dtype = start.positions.dtype
        masses = system.masses_amu.astype(dtype)[:, None]
        degrees = motion.degrees(atoms)

        def move(
            position: Array, bath: Bath, force: Array, cell: Array, virial: Array, kT: Array, dt: Array
        ) -> tuple[Array, Bath, Array, Array]:
            """Kick, drift, thermostat, barostat, drift of one replica."""
            half = 0.5 * dt
            momenta = bath.momenta + half * force
            position = position + half * momenta / masses
            before = _kinetic_eV(momenta, masses)
            # barriers: XLA on the CPU would draw the noise anew for each use of the momenta
            momenta = barrier(momenta)
            bath = barrier(motion.thermostat.apply(bath._replace(momenta=momenta), masses, degrees, kT, dt))
            taken = before - _kinetic_eV(bath.momenta, masses)
            if motion.barostat is not None:
                pressure = _pressure(bath.momenta, masses, cell, virial, kT, degrees)
                factor, key = motion.barostat.factor(cell, pressure, kT, bath.key, dt)
                position, cell = position * factor, cell * factor
                bath = bath._replace(momenta=bath.momenta / factor, key=key)
            position = position + half * bath.momenta / masses
            return position, bath, cell, taken

        def settle(loop: _Loop, near: Near, collapsed: Array, closest_A: Array) -> _Loop:
            """Forces where the atoms are now, and the half kick that ends the step."""
            old = loop.state
            # the first pass ends no step: it evaluates the forces of the start, in the very same
            # program text, so that a continued run repeats the same arithmetic
            first = loop.done < 0
            moving = active & (loop.fault.code == 0)
            dt = jnp.where(first, 0.0, timestep).astype(dtype)
            sample, needs = field.evaluate(near, old.positions, old.cells, system.species)
            kicked = old.momenta + 0.5 * dt * sample.forces
            kinetic = jax.vmap(_kinetic_eV, in_axes=(0, None))(kicked, masses)
            kelvin = 2.0 * kinetic / (degrees * BOLTZMANN_EV_K)
            seen = Fault(
                jnp.zeros(replicas, jnp.int32),
                jnp.broadcast_to(old.step, replicas),
                kelvin,
                sample.potential_eV / atoms,
                closest_A,
            )
            # what was computed with too little room says nothing; the chunk will be redone
            short = field.short_of(needs) & ~collapsed
            seen = seen._replace(code=jnp.where(short, 0, _judge(seen, collapsed, motion.limits)))
            fault = jax.tree.map(lambda a, b: jnp.where(moving, b, a), loop.fault, seen)
            sound = moving & (fault.code == 0)
            counted = jnp.where(first | ~sound, 0.0, kelvin)
            pressure = _pressure_after(kinetic, sample.virial_eV, old.cells, atoms, degrees)
            return loop._replace(
                state=select_replicas(sound, dataclasses.replace(old, momenta=kicked), old),
                forces=jnp.where(sound[:, None, None], sample.forces, 0.0),
                potential_eV=jnp.where(sound, sample.potential_eV, loop.potential_eV),
                virial_eV=jnp.where(sound, sample.virial_eV, loop.virial_eV),
                # those of the lists are there already
                needs=loop.needs._replace(
                    inner=jnp.maximum(loop.needs.inner, jnp.where(sound[:, None], needs.inner, 0)),
                    reach_A=jnp.maximum(loop.needs.reach_A, jnp.where(sound, needs.reach_A, 0.0)),
                ),
                fault=fault,
                done=loop.done + 1,
                heat=loop.heat + counted,
                hottest=jnp.maximum(loop.hottest, counted),
                push=loop.push + jnp.where(first | ~sound, 0.0, pressure),
            )

        def depart(loop: _Loop, neighbors: Neighbors, near: Near) -> _Loop:
            """Begin the next step, if there is one, and see whether the lists serve where it leads."""
            old = loop.state
            # what is broken stays where it is, so that no infinity ever enters a list
            going = active & (loop.fault.code == 0) & (loop.done < n_steps)
            dt = jnp.asarray(timestep, dtype)
            kT = system.pieces.temperature_K(old.step).astype(dtype) * BOLTZMANN_EV_K
            baths = Bath(old.momenta, old.memory[:, 1:], old.keys)
            positions, baths, cells, taken = jax.vmap(move, in_axes=(0, 0, 0, 0, 0, 0, None))(
                old.positions, baths, loop.forces, old.cells, loop.virial_eV, kT, dt
            )
            memory = jnp.concatenate([old.memory[:, :1] + taken[:, None], baths.memory], axis=1)
            new = State(positions, baths.momenta, baths.key, cells, memory, old.step)
            new = select_replicas(going, new, old)
            step = jnp.where(loop.done < n_steps, old.step + 1, old.step)
            return loop._replace(
                state=dataclasses.replace(new, step=step),
                stale=going & outdated(field.plan, neighbors, new.positions, new.cells, fixed_cell),
                stale_near=going & outdated(field.plan, near, new.positions, new.cells, fixed_cell),
            )

        def go_on(loop: _Loop) -> Array:
            enough = ~jnp.any(field.short_of(loop.needs))
            return (loop.done < n_steps) & enough & jnp.any(active & (loop.fault.code == 0))

        # Loops in loops, not branches: a branch would copy the lists at every step.
        def with_wide_lists(loop: _Loop) -> _Loop:
            cells = loop.state.cells
            positions = jax.vmap(wrapped)(loop.state.positions, cells)
            neighbors = field.lists(positions, cells)

            def with_near_lists(loop: _Loop) -> _Loop:
                near, listed = field.near(neighbors, loop.state.positions, loop.state.cells)
                # a collapsed structure is a fault of the replica, not of the lists
                collapsed = listed.slots > field.most_slots
                wanted = active & (loop.fault.code == 0) & ~collapsed
                loop = loop._replace(needs=loop.needs.merged(listed.only(wanted)), stale_near=none)

                def one_step(loop: _Loop) -> _Loop:
                    return depart(settle(loop, near, collapsed, neighbors.closest_A), neighbors, near)

                return jax.lax.while_loop(
                    lambda now: go_on(now) & ~jnp.any(now.stale | now.stale_near),
                    one_step,
                    loop,
                )

            return jax.lax.while_loop(
                lambda now: go_on(now) & ~jnp.any(now.stale),
                with_near_lists,
                loop._replace(
                    state=dataclasses.replace(loop.state, positions=positions),
                    stale=none,
                    rebuilds=loop.rebuilds + loop.stale,
                ),
            )

        zero = jnp.zeros(replicas, dtype)
        count = jnp.zeros(replicas, jnp.int32)
        none = jnp.zeros(replicas, bool)
        loop = _Loop(
            start,
            jnp.zeros_like(start.positions),
            zero,
            zero,
            active,
            none,
            field.no_needs(replicas, dtype),
            Fault(count, count, zero, zero, zero),
            jnp.asarray(-1, jnp.int32),
            count,
            zero,
            zero,
            zero,
        )
        loop = jax.lax.while_loop(go_on, with_wide_lists, loop)
        new = dataclasses.replace(loop.state, step=start.step + n_steps)
        kinetic = jax.vmap(_kinetic_eV, in_axes=(0, None))(new.momenta, masses)
        steps = jnp.maximum(loop.done, 1).astype(dtype)
        report = ChunkReport(
            loop.potential_eV,
            kinetic,
            new.memory[:, 0],
            2.0 * kinetic / (degrees * BOLTZMANN_EV_K),
            loop.heat / steps,
            loop.hottest,
            GPA_PER_EV_A3 * _pressure_after(kinetic, loop.virial_eV, new.cells, atoms, degrees),
            GPA_PER_EV_A3 * loop.push / steps,
            jax.vmap(volume_A3)(new.cells),
            loop.needs,
            loop.fault,
            jnp.broadcast_to(loop.done, replicas),
            loop.rebuilds,
        )
        return new, report

    return chunk


def _kinetic_eV(momenta: Array, masses: Array) -> Array:
    return 0.5 * jnp.sum(momenta * momenta / masses)


def _pressure(momenta: Array, masses: Array, cell: Array, virial_eV: Array, kT: Array, degrees: int) -> Array:
    """Pressure (eV/A^3) that drives one replica's cell.

    A centre of mass that is held counts with its mean share, kT a direction and volume.
    """
    held = momenta.size - degrees
    twice_kinetic = 2.0 * _kinetic_eV(momenta, masses) + held * kT
    return (twice_kinetic - virial_eV) / (3.0 * volume_A3(cell))


def _pressure_after(kinetic_eV: Array, virial_eV: Array, cells: Array, atoms: int, degrees: int) -> Array:
    """Pressure (eV/A^3) of every replica, N k T / V from the temperature of the thermal degrees."""
    twice_kinetic = 2.0 * kinetic_eV * (3.0 * atoms / degrees)
    return (twice_kinetic - virial_eV) / (3.0 * jax.vmap(volume_A3)(cells))


def _judge(seen: Fault, collapsed: Array, limits: Limits) -> Array:
    """The result code of every replica."""
    finite = jnp.isfinite(seen.temperature_K) & jnp.isfinite(seen.energy_eV_per_atom)
    verdicts = [
        (~finite, Result.NON_FINITE),
        (seen.closest_A < limits.min_distance_A, Result.ATOMS_OVERLAP),
        (collapsed, Result.COLLAPSED),
        (seen.temperature_K > limits.max_temperature_K, Result.TOO_HOT),
        (jnp.abs(seen.energy_eV_per_atom) > limits.max_energy_eV_per_atom, Result.ENERGY_RAN_AWAY),
    ]
    code = jnp.zeros(seen.code.shape, jnp.int32)
    for wrong, result in reversed(verdicts):
        code = jnp.where(wrong, int(result), code)
    return code.astype(jnp.int32)
