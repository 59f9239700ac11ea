"""What the models of a protocol are made of: a frozen base, and numbers with their limits."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["Count", "FrozenModel", "NotNegative", "Number", "Positive", "Seed", "no_bool"]


def no_bool(value: Any) -> Any:
    """Refuse true and false where a number is meant."""
    if isinstance(value, bool):
        raise ValueError("expected a number, got true/false")
    return value


Number = Annotated[float, BeforeValidator(no_bool), Field(allow_inf_nan=False)]
Positive = Annotated[float, BeforeValidator(no_bool), Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, BeforeValidator(no_bool), Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, BeforeValidator(no_bool), Field(ge=1)]
Seed = Annotated[int, BeforeValidator(no_bool), Field(ge=0, lt=2**32)]


class FrozenModel(BaseModel):
    """Cannot be changed after loading, and refuses keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
