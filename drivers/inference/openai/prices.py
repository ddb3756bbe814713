"""What tokens cost, `[drivers.inference.settings.prices]`.

Interface:
    Prices          dollars; `read` checks what is configured, `of` multiplies
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, ValidationError

from ....syscalls.errors import InvalidArgument
from ....syscalls.reason import reason
from ....syscalls.section import Section


class Prices(Section):
    """Dollars for a million tokens."""

    model_config = ConfigDict(strict=True)

    input: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    output: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    @classmethod
    def read(cls, configured: Any) -> Prices:
        """Return the prices that are configured. Raises `InvalidArgument` naming the wrong one."""
        try:
            return cls.model_validate(configured)
        except ValidationError as error:
            raise InvalidArgument(reason(error, "drivers.inference.settings.prices")) from None

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """Return what a call has cost."""
        return (self.input * input_tokens + self.output * output_tokens) / 1e6
