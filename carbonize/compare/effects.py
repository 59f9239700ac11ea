"""Means of protocols and differences between them, from values a replica."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from carbonize.compare.permutation import permutation_p
from carbonize.compare.planning import detectable_effect, replicas_needed
from carbonize.compare.quantities import Quantity
from carbonize.compare.replica import Block, Key
from carbonize.compare.statistics import Estimate, contrast
from carbonize.errors import InputError

__all__ = ["OVER", "Difference", "Final", "Values", "difference", "final"]

Values = Mapping[Key, float]
"""One quantity under one protocol, a value a replica; nan where a replica has none."""

OVER = ("replicas", "precursors")
"""What a claim is about: further replicas of these precursors, or further precursors of their kind."""


@dataclasses.dataclass(frozen=True)
class Final:
    """A quantity under one protocol: mean over blocks, standard error, 95 % interval (None where unknown).

    ``n`` replicas have a value and ``missing`` have none; ``over`` says what the interval is about.
    """

    mean: float | None
    sem: float | None
    ci95: tuple[float, float] | None
    n: int
    missing: int
    over: str


@dataclasses.dataclass(frozen=True)
class Difference:
    """A quantity under protocol ``b`` minus that under ``a``.

    Attributes
    ----------
    difference, sem, ci95, p
        None where they cannot be known.
    p_holm
        Adjusted for all comparisons of its family; filled in once all are known.
    paired
        Whether the same starts were compared, replica by replica.
    n_a, n_b
        Replicas (paired: pairs) that entered.
    missing_a, missing_b
        Replicas without a value.
    over
        What the claim is about, as in :data:`OVER`.
    correlation
        Of the pairs: above 0 pairing makes the interval narrower.
    p_t, p_permutation, p_permutation_least
        The textbook t test (paired, or Welch's), and the exact permutation test with the least p it can give.
    detectable
        True difference that so many replicas would show in four of five studies.
    needed
        Replicas of each protocol for ``effect``; None if over 10,000 or unknown.
    effect
        The difference asked for, or the observed one.
    by_block
        Difference and number of values on each precursor (and potential).
    """

    quantity: Quantity
    a: str
    b: str
    difference: float | None
    sem: float | None
    ci95: tuple[float, float] | None
    p: float | None
    paired: bool
    n_a: int
    n_b: int
    missing_a: int
    missing_b: int
    over: str
    correlation: float | None
    p_t: float | None
    p_permutation: float | None
    p_permutation_least: float | None
    detectable: float | None
    needed: int | None
    effect: float | None
    by_block: tuple[tuple[Block, float, int], ...]
    p_holm: float | None = None

    @property
    def seen(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.ci95 is not None and (self.ci95[0] > 0 or self.ci95[1] < 0)

    @property
    def same(self) -> bool:
        """Whether all replicas of both protocols have one and the same value."""
        return self.sem == 0.0 and self.difference == 0.0

    @property
    def evidence(self) -> str:
        """clear (also after adjustment), hint (alone only), none, or unknown (no interval)."""
        if self.same:
            return "none"
        if self.ci95 is None:
            return "unknown"
        if not self.seen:
            return "none"
        return "clear" if self.p_holm is not None and self.p_holm <= 0.05 else "hint"


def final(values: Values, over: str = "replicas", seed: int = 0) -> Final:
    """Mean of one quantity under one protocol, with its 95 % interval."""
    known = {key: value for key, value in values.items() if math.isfinite(value)}
    missing = len(values) - len(known)
    if not known:
        return Final(None, None, None, 0, missing, over)
    sample, claim = _sample(known, over)
    found = contrast([sample], seed=seed)
    ends = _interval(found)
    if ends is None and found.sem == 0.0:  # alike to the last digit: the mean is what it is
        ends = (float(found.value), float(found.value))
    return Final(float(found.value), _known(found.sem), ends, len(known), missing, claim)


def difference(
    quantity: Quantity,
    names: tuple[str, str],
    first: Values,
    second: Values,
    over: str = "replicas",
    smallest: float | None = None,
    seed: int = 0,
) -> Difference:
    """What the second protocol does to a quantity, against the first.

    Replicas that both protocols share (same precursor, potential and number) are compared pair by
    pair; without any, replicas on the same precursors are; without those, precursors are.

    Raises
    ------
    InputError
        If the protocols were run with different potentials only.
    """
    common = first.keys() & second.keys()
    a = {key: value for key, value in first.items() if math.isfinite(value)}
    b = {key: value for key, value in second.items() if math.isfinite(value)}
    missing = (len(first) - len(a), len(second) - len(b))
    paired = bool(common)
    if paired:
        keys = [key for key in first if key in a and key in b]
        a, b = {key: a[key] for key in keys}, {key: b[key] for key in keys}
    else:
        a, b, over = _comparable(names, a, b, over)
    samples: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    claim = over
    if a and b:
        one, claim = _sample(a, over)
        other, claim_b = _sample(b, over)
        if not paired and claim != claim_b:
            (one, claim), (other, _) = _sample(a, "precursors"), _sample(b, "precursors")
        samples = (one, other)
    return _tested(quantity, names, samples, paired, claim, (a, b), missing, smallest, seed)


def _tested(
    quantity: Quantity,
    names: tuple[str, str],
    samples: tuple[list[np.ndarray], list[np.ndarray]],
    paired: bool,
    over: str,
    known: tuple[dict[Key, float], dict[Key, float]],
    missing: tuple[int, int],
    smallest: float | None,
    seed: int,
) -> Difference:
    one, other = samples
    entered = (len(known[0]), len(known[1]))
    if not one:
        return Difference(
            quantity, *names, None, None, None, None, paired, *entered, *missing, over,
            None, None, None, None, None, None, smallest, (),
        )  # fmt: skip
    if paired:
        apart = [y - x for x, y in zip(one, other, strict=True)]
        found = contrast([apart], seed=seed)
        spreads = (_spread(apart),)
    else:
        found = contrast([one, other], (-1.0, 1.0), seed=seed)
        spreads = (_spread(one), _spread(other))
    ends = _interval(found)
    p_permutation, least = (
        permutation_p(one, other, paired, seed)
        if ends is not None and _same_blocks(one, other)
        else (None, None)
    )
    value = float(found.value)
    effect = smallest if smallest is not None else value
    return Difference(
        quantity,
        *names,
        value,
        _known(found.sem),
        ends,
        None if ends is None else float(found.p),
        paired,
        *entered,
        *missing,
        over,
        _correlation(one, other) if paired else None,
        None if ends is None else _p_t(found),
        p_permutation,
        least,
        _known(detectable_effect(float(found.sem), float(found.dof))),
        None if ends is None else replicas_needed(effect, spreads, len(one)),
        effect,
        _by_block(*known),
    )


def _sample(values: Mapping[Key, float], over: str) -> tuple[list[np.ndarray], str]:
    """The blocks of values, or all precursors' means as one; and what a claim from them is about."""
    blocks: dict[Block, list[float]] = {}
    for key, value in sorted(values.items()):
        blocks.setdefault(key.block, []).append(value)
    alone = all(len(own) == 1 for own in blocks.values())
    if over == "replicas" and not (alone and len(blocks) > 1):
        return [np.array(own) for own in blocks.values()], "replicas"
    precursors: dict[str, list[float]] = {}
    for block, own in blocks.items():
        precursors.setdefault(block.precursor, []).append(float(np.mean(own)))
    return [np.array([np.mean(own) for own in precursors.values()])], "precursors"


def _comparable(
    names: tuple[str, str], a: dict[Key, float], b: dict[Key, float], over: str
) -> tuple[dict[Key, float], dict[Key, float], str]:
    """What two protocols without common replicas can be compared on."""
    if not a or not b:
        return a, b, over
    blocks = {key.block for key in a} & {key.block for key in b}
    if blocks:
        return (
            {key: v for key, v in a.items() if key.block in blocks},
            {key: v for key, v in b.items() if key.block in blocks},
            over,
        )
    potentials = ({key.block.potential for key in a}, {key.block.potential for key in b})
    if potentials[0] != potentials[1]:
        raise InputError(
            f"protocols {names[0]!r} and {names[1]!r} were run with different potentials "
            f"({', '.join(sorted(potentials[0]))} and {', '.join(sorted(potentials[1]))}): a difference would be "
            "that of the potentials; run both with the same"
        )
    return a, b, "precursors"


def _by_block(a: Mapping[Key, float], b: Mapping[Key, float]) -> tuple[tuple[Block, float, int], ...]:
    found = []
    for block in dict.fromkeys(key.block for key in a):
        one = [value for key, value in a.items() if key.block == block]
        other = [value for key, value in b.items() if key.block == block]
        if one and other:
            found.append((block, float(np.mean(other) - np.mean(one)), min(len(one), len(other))))
    return tuple(found)


def _same_blocks(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> bool:
    return len(one) == len(other)


def _spread(blocks: Sequence[np.ndarray]) -> float:
    """Standard deviation within blocks; nan where no block has two values."""
    dof = sum(len(block) - 1 for block in blocks)
    squares = sum(float(((block - block.mean()) ** 2).sum()) for block in blocks)
    return math.sqrt(squares / dof) if dof else math.nan


def _correlation(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> float | None:
    x = np.concatenate([block - block.mean() for block in one])
    y = np.concatenate([block - block.mean() for block in other])
    norm = math.sqrt(float((x**2).sum()) * float((y**2).sum()))
    return float((x * y).sum()) / norm if len(x) > 2 and norm > 0 else None


def _p_t(found: Estimate) -> float:
    from scipy import stats

    return float(2 * stats.t.sf(abs(float(found.value) / float(found.sem)), float(found.dof)))


def _interval(found: Estimate) -> tuple[float, float] | None:
    ends = (float(found.low), float(found.high))
    return ends if all(map(math.isfinite, ends)) else None


def _known(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
