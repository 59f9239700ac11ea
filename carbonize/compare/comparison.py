"""Protocols compared: the object behind comparison.json, comparison.nc and the page."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from carbonize.compare.effects import OVER, Difference, Final, Values, difference, final
from carbonize.compare.planning import POWER
from carbonize.compare.quantities import Quantity, final_values, quantities_of
from carbonize.compare.replica import Replica
from carbonize.compare.sources import read_sources
from carbonize.compare.statistics import RESAMPLES, holm
from carbonize.compare.verdicts import verdict
from carbonize.errors import InputError

__all__ = ["SCHEMA_VERSION", "Comparison", "Options", "compare"]

SCHEMA_VERSION = 1


@dataclasses.dataclass(frozen=True)
class Options:
    """What a comparison is asked for.

    Attributes
    ----------
    over
        What claims are about: further ``replicas`` of these precursors, or further ``precursors``.
    over_stage
        Finals are means over the analysed frames of the last stage, not the last frame.
    reference
        Compare every protocol with this one only.
    smallest
        Differences worth seeing, by the quantity's name and in its unit in comparison.json: what
        ``replicas_needed`` is about, instead of the observed difference.
    leave_out_unfinished
        Do without what is unfinished or failed.
    activation_energy_eV
        For the thermal dose; default: what the protocols say, if they all say the same.
    reference_K
        Temperature at which a dose is a time.
    seed
        Of the resampling.
    """

    over: str = "replicas"
    over_stage: bool = False
    reference: str | None = None
    smallest: Mapping[str, float] = dataclasses.field(default_factory=dict)
    leave_out_unfinished: bool = False
    activation_energy_eV: float | None = None
    reference_K: float = 3000.0
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Everything that is known about a set of protocols.

    Attributes
    ----------
    protocols
        Replicas by protocol.
    quantities
        What was measured, headlines first.
    values
        By quantity (dotted) and protocol, the value of every replica.
    finals
        By protocol and quantity.
    differences
        Every pair of protocols, headlines first, in the order of the quantities.
    left_out, caveats
        What must be said.
    """

    options: Options
    sources: tuple[str, ...]
    protocols: dict[str, list[Replica]]
    quantities: list[Quantity]
    values: dict[str, dict[str, Values]]
    finals: dict[str, dict[str, Final]]
    differences: list[Difference]
    left_out: list[str]
    caveats: list[str]

    def comparisons(self, headline: bool) -> int:
        """How many tests a family has: those of the headlines, or of all others."""
        return sum(d.p is not None for d in self.differences if d.quantity.headline == headline)

    def verdict(self, found: Difference) -> str:
        """A difference in a sentence."""
        return verdict(found, self.comparisons(found.quantity.headline))

    def document(self) -> dict[str, Any]:
        """The content of comparison.json."""
        return {
            "schema_version": SCHEMA_VERSION,
            "sources": list(self.sources),
            "protocols": {name: self._protocol(name) for name in self.protocols},
            "differences": [self._difference(found) for found in self.differences],
            "left_out": self.left_out,
            "caveats": self.caveats,
            "methods": self.methods(),
        }

    def _protocol(self, name: str) -> dict[str, Any]:
        own = self.protocols[name]
        last = own[0].records[-1]
        finals: dict[str, Any] = {}
        for quantity in self.quantities:
            place = finals
            for key in quantity.name[:-1]:
                place = place.setdefault(key, {})
            found = self.finals[name][quantity.dotted]
            place[quantity.name[-1]] = {
                "mean": found.mean,
                "sem": found.sem,
                "ci95": None if found.ci95 is None else list(found.ci95),
                "n": found.n,
                "missing": found.missing,
                "over": found.over,
                "unit": quantity.raw_unit,
            }
        return {
            "n_replicas": len(own),
            "precursors": list(dict.fromkeys(r.key.block.precursor for r in own)),
            "potentials": list(dict.fromkeys(r.key.block.potential for r in own)),
            "length_ps": last["time_ps"],
            "last_target_K": last.get("target_K"),
            "runs": list(dict.fromkeys(str(r.run.path) for r in own)),
            "final": finals,
        }

    def _difference(self, found: Difference) -> dict[str, Any]:
        return {
            "quantity": found.quantity.dotted,
            "label": found.quantity.label,
            "unit": found.quantity.raw_unit,
            "headline": found.quantity.headline,
            "a": found.a,
            "b": found.b,
            "difference": found.difference,
            "sem": found.sem,
            "ci95": None if found.ci95 is None else list(found.ci95),
            "p": found.p,
            "p_holm": found.p_holm,
            "p_t": found.p_t,
            "p_permutation": found.p_permutation,
            "p_permutation_least": found.p_permutation_least,
            "paired": found.paired,
            "n_a": found.n_a,
            "n_b": found.n_b,
            "missing_a": found.missing_a,
            "missing_b": found.missing_b,
            "over": found.over,
            "pair_correlation": found.correlation,
            "detectable": found.detectable,
            "effect_planned_for": found.effect,
            "replicas_needed": found.needed,
            "by_precursor": [
                {"precursor": block.precursor, "potential": block.potential, "difference": value, "n": n}
                for block, value, n in found.by_block
            ],
            "evidence": found.evidence,
            "verdict": self.verdict(found),
        }

    def methods(self) -> dict[str, str]:
        """How the numbers were made, in words."""
        when = "mean over the analysed frames of the last stage" if self.options.over_stage else "last frame"
        return {
            "final": f"{when} of every replica; a mean is that of the precursors' means",
            "difference": "b minus a",
            "pairing": "replicas of the same precursor, potential and number (outside a study also seed) are "
            "compared pair by pair; where there are none, replicas on the same precursors, each protocol with its "
            "own spread (Welch)",
            "interval": f"95 %, smoothed studentised bootstrap of {RESAMPLES:,} resamples within precursors "
            f"(seed {self.options.seed}); Student's t below 3 degrees of freedom",
            "p": "two-sided, of the same method as the interval: at most 0.05 where the interval leaves 0 out; "
            "p_t is Student's (paired) or Welch's test, p_permutation the exact one, which cannot fall below "
            "p_permutation_least",
            "p_holm": "adjusted by Holm's method for all tests of headline quantities "
            f"({self.comparisons(True)}), for the others among themselves ({self.comparisons(False)})",
            "evidence": "clear: p_holm at most 0.05; hint: only p is; none: the interval holds 0; unknown: no interval",
            "over": "replicas: the claim is about further replicas of these precursors, not about other precursors; "
            "precursors: about further precursors of the same kind",
            "replicas_needed": f"of each protocol, in all, to see effect_planned_for with a chance of {POWER:.0%} "
            "if the spread is what it was; detectable is the difference that so many replicas as now would show",
        }


def compare(paths: Sequence[str | Path], options: Options | None = None) -> Comparison:
    """Compare the protocols of run and study folders.

    Parameters
    ----------
    paths
        As for :func:`carbonize.compare.sources.read_sources`.
    options
        See :class:`Options`.

    Returns
    -------
    Comparison
        With no differences where there is one protocol only.

    Raises
    ------
    InputError
        If the folders cannot be compared (see ``read_sources``), or an option names nothing there.
    """
    options = options or Options()
    if options.over not in OVER:
        raise InputError(f"--over {options.over}: expected one of {', '.join(OVER)}")
    sources = read_sources(paths, options.leave_out_unfinished)
    protocols = sources.protocols
    everyone = [replica for own in protocols.values() for replica in own]
    quantities = quantities_of(everyone)
    _check_names(options, protocols, quantities)
    values = _values(protocols, quantities, options.over_stage)
    finals = {
        name: {q.dotted: final(values[q.dotted][name], options.over, options.seed) for q in quantities}
        for name in protocols
    }
    differences = [
        difference(
            quantity,
            (a, b),
            values[quantity.dotted][a],
            values[quantity.dotted][b],
            options.over,
            options.smallest.get(quantity.dotted),
            options.seed,
        )
        for quantity in quantities
        for a, b in _pairs(list(protocols), options.reference)
    ]
    caveats = list(sources.caveats)
    if len(protocols) < 2:
        caveats.append(
            f"There is one protocol only ({next(iter(protocols))}), so nothing is compared: these are its means."
        )
    caveats += _on_claims(protocols, differences)
    return Comparison(
        options,
        tuple(str(path) for path in paths),
        protocols,
        quantities,
        values,
        finals,
        _adjusted(differences),
        sources.left_out,
        caveats,
    )


def _check_names(
    options: Options, protocols: Mapping[str, Sequence[Replica]], quantities: Sequence[Quantity]
) -> None:
    if options.reference is not None and options.reference not in protocols:
        raise InputError(
            f"--reference {options.reference}: no such protocol (there are {', '.join(protocols)})"
        )
    known = {quantity.dotted for quantity in quantities}
    for name, value in options.smallest.items():
        if name not in known:
            shown = ", ".join(quantity.dotted for quantity in quantities if quantity.headline)
            raise InputError(f"--smallest-effect {name}: no such quantity (for example {shown})")
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"--smallest-effect {name}={value:g}: expected a number above 0")


def _values(
    protocols: Mapping[str, Sequence[Replica]], quantities: Sequence[Quantity], over_stage: bool
) -> dict[str, dict[str, Values]]:
    found: dict[str, dict[str, Values]] = {quantity.dotted: {} for quantity in quantities}
    for name, own in protocols.items():
        table = {replica.key: final_values(replica, quantities, over_stage) for replica in own}
        for place, quantity in enumerate(quantities):
            found[quantity.dotted][name] = {key: row[place] for key, row in table.items()}
    return found


def _pairs(names: Sequence[str], reference: str | None) -> list[tuple[str, str]]:
    if reference is None:
        return list(itertools.combinations(names, 2))
    return [(reference, name) for name in names if name != reference]


def _adjusted(differences: Sequence[Difference]) -> list[Difference]:
    """With Holm's p, each family by itself."""
    adjusted = list(differences)
    for headline in (True, False):
        places = [i for i, d in enumerate(adjusted) if d.quantity.headline == headline and d.p is not None]
        found = holm([float(adjusted[i].p or 0.0) for i in places])
        for place, p in zip(places, found, strict=True):
            adjusted[place] = dataclasses.replace(adjusted[place], p_holm=p)
    return adjusted


def _on_claims(protocols: Mapping[str, Sequence[Replica]], differences: Sequence[Difference]) -> list[str]:
    """What the differences are about, and what they are not."""
    said = []
    sure = [d for d in differences if d.ci95 is not None and d.quantity.headline]
    precursors = {r.key.block.precursor for own in protocols.values() for r in own}
    if sure and all(d.over == "replicas" for d in sure):
        which = "this precursor" if len(precursors) == 1 else f"these {len(precursors)} precursors"
        said.append(
            f"The intervals are about further replicas of {which}; another precursor may answer otherwise."
        )
    elif sure:
        said.append("The intervals are about further precursors of the same kind as these.")
    if any(not d.paired for d in sure):
        said.append("Not all protocols share their replicas, so some comparisons are not paired.")
    whole = [d for d in sure if not d.missing_a and not d.missing_b]
    fewest = min((min(d.n_a, d.n_b) for d in whole), default=0)
    if 0 < fewest < 4:
        said.append(f"With {fewest} replicas intervals are very wide; four or more are worth their time.")
    potentials = {r.key.block.potential for own in protocols.values() for r in own}
    if len(potentials) > 1:
        said.append(
            f"Means are over {len(potentials)} potentials; by_precursor in comparison.json has each by itself."
        )
    return said
