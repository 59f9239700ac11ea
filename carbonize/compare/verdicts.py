"""What a difference says, in one sentence: no more than its numbers do."""

from __future__ import annotations

from carbonize.compare.effects import Difference
from carbonize.compare.quantities import Quantity

__all__ = ["amount", "span", "verdict"]


def verdict(found: Difference, comparisons: int) -> str:
    """A sentence on a difference that was one of so many comparisons.

    It says which protocol gives more and by how much, or that no difference can be seen and how
    many replicas might show one, or why nothing can be said.
    """
    if found.difference is None:
        return _without_values(found)
    if found.ci95 is None:
        return _without_interval(found) + _missing(found)
    if found.seen:
        return _seen(found, comparisons) + _missing(found)
    return _unseen(found) + _missing(found)


def _seen(found: Difference, comparisons: int) -> str:
    quantity, value = found.quantity, float(found.difference or 0.0)
    word = quantity.words[0 if value > 0 else 1]
    text = (
        f"{found.b} gives {word} {quantity.label} than {found.a} by {amount(quantity, abs(value))} "
        f"({_interval(found)}, {_p(found.p)}; {_counts(found)})"
    )
    if found.evidence == "hint":
        text += (
            f"; a hint only: among {comparisons} comparisons such a difference may be chance "
            f"({_p(found.p_holm, 'adjusted p')})"
        )
    return text


def _unseen(found: Difference) -> str:
    quantity = found.quantity
    text = (
        f"no difference can be seen in {quantity.label}: {found.b} minus {found.a} is "
        f"{amount(quantity, found.difference, signed=True)} ({_interval(found)}; {_counts(found)})"
    )
    if found.effect:
        one = amount(quantity, abs(found.effect))
        many = "more than 10,000" if found.needed is None else f"about {found.needed:,}"
        text += f"; {many} replicas of each would be needed to see one of {one}"
    return text


def _without_interval(found: Difference) -> str:
    quantity = found.quantity
    if found.same:
        return (
            f"no difference can be seen in {quantity.label}: it is the same in every replica of {found.a} and "
            f"{found.b} ({_counts(found)})"
        )
    size = amount(quantity, found.difference, signed=True)
    if found.sem is not None:
        return (
            f"{quantity.label}: {found.b} minus {found.a} is {size} without any spread ({_counts(found)}), "
            "so no interval can be given"
        )
    return (
        f"{quantity.label}: {found.b} minus {found.a} is {size} ({_counts(found)}), which may be chance: "
        "with one replica of each nothing can be tested; run at least 4"
    )


def _without_values(found: Difference) -> str:
    text = f"{found.quantity.label} cannot be compared between {found.a} and {found.b}"
    return text + (_missing(found) or ": no replica of both has a value")


def _missing(found: Difference) -> str:
    parts = [
        f"{count} of {name}"
        for name, count in ((found.a, found.missing_a), (found.b, found.missing_b))
        if count
    ]
    return f" [no value in {' and '.join(parts)}]" if parts else ""


def amount(quantity: Quantity, value: float | None, signed: bool = False) -> str:
    """A number of a quantity with its unit, in the digits that suit it.

    >>> amount(Quantity(("sp2",), (), "sp²", "points", 100.0, digits=2), 0.0123)
    '1.23 points'
    """
    if value is None:
        return "unknown"
    text = _figure(quantity, value, signed)
    return f"{text} {quantity.unit}".rstrip()


def span(quantity: Quantity, ends: tuple[float, float]) -> str:
    """Both ends of an interval; the unit stands elsewhere."""
    return f"{_figure(quantity, ends[0])} to {_figure(quantity, ends[1])}"


def _figure(quantity: Quantity, value: float, signed: bool = False) -> str:
    shown = value * quantity.factor
    digits = quantity.digits
    if shown and abs(shown) < 5 * 10.0**-digits:  # "0.00" would hide that there is something
        text = f"{shown:.2g}"
    else:
        text = f"{shown:.{digits}f}"
    if signed and shown > 0:
        text = f"+{text}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def _interval(found: Difference) -> str:
    assert found.ci95 is not None
    value, ends = float(found.difference or 0.0), found.ci95
    if found.seen and value < 0:  # "less by 1.2 (0.3 to 2.1)": sizes, as the sentence has the sign
        ends = (-ends[1], -ends[0])
    return f"95 % CI {span(found.quantity, ends)}"


def _p(p: float | None, name: str = "p") -> str:
    if p is None:
        return f"{name} unknown"
    return f"{name} < 0.001" if p < 0.001 else f"{name} = {p:.2g}"


def _counts(found: Difference) -> str:
    if found.paired:
        return f"{found.n_a} pair{'s' if found.n_a != 1 else ''}"
    return f"{found.n_a} and {found.n_b} replicas, not paired"
