"""Numbers as text: sensible digits, and a word where there is no number."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["change", "duration", "length", "number", "percent", "spread", "volume"]

SEALED = "none – sealed"
MISSING = "–"


def _is_missing(value: Any) -> bool:
    return value is None or not math.isfinite(float(value))


def number(value: Any, digits: int = 2) -> str:
    """A number with a fixed count of digits after the point; a dash where there is none.

    >>> number(3.14159), number(None), number(-0.0004)
    ('3.14', '–', '0.00')
    """
    if _is_missing(value):
        return MISSING
    text = f"{float(value):.{digits}f}"
    # "-0.00" says less than "0.00"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def percent(fraction: Any) -> str:
    """A fraction in per cent.

    >>> percent(0.6134)
    '61.3 %'
    """
    return MISSING if _is_missing(fraction) else f"{number(100.0 * float(fraction), 1)} %"


def length(value_A: Any, without: str = MISSING) -> str:
    """A length in A; ``without`` stands where there is none."""
    return without if _is_missing(value_A) else f"{number(value_A)} Å"


def volume(value_cm3_g: Any) -> str:
    """A specific volume in cm3/g."""
    return MISSING if _is_missing(value_cm3_g) else f"{number(value_cm3_g, 3)} cm³/g"


def change(first: Any, last: Any, digits: int, unit: str) -> str:
    """The difference with its sign; a dash where one of both is missing.

    >>> change(1.0, 2.5, 1, "Å")
    '+1.5 Å'
    """
    if _is_missing(first) or _is_missing(last):
        return MISSING
    text = number(float(last) - float(first), digits)
    sign = "" if text.startswith("−") or float(text) == 0 else "+"
    return f"{sign}{text} {unit}"


def spread(low: Any, high: Any, digits: int, factor: float = 1.0) -> str:
    """Smallest and largest over replicas, in brackets; empty if they read the same."""
    if _is_missing(low) or _is_missing(high):
        return ""
    texts = number(factor * float(low), digits), number(factor * float(high), digits)
    return "" if texts[0] == texts[1] else f"({texts[0]} to {texts[1]})"


def duration(seconds: Any) -> str:
    """A wall time.

    >>> duration(75), duration(3.21), duration(7500)
    ('1 min 15 s', '3.2 s', '2 h 5 min')
    """
    if _is_missing(seconds):
        return MISSING
    seconds = float(seconds)
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
