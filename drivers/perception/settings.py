"""The driver's own settings, `[drivers.perception.settings]`.

Interface:
    Settings        settings, with those that nobody has set
    read            settings as configured to settings as checked; raises `InvalidArgument`
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, ConfigDict, ValidationError

from ...syscalls.errors import InvalidArgument
from ...syscalls.reason import reason


class Settings(BaseModel):
    """How much reading a source may take, and which models look at it besides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Sources that are read at the same time.
    workers: Annotated[int, Ge(1), Le(32)] = 2
    #: Seconds of CPU for one source, and bytes of address space of a worker.
    seconds: Annotated[float, Gt(0), Le(600)] = 20.0
    memory: Annotated[int, Ge(2**28)] = 1536 * 2**20
    #: Models by folder or Hugging Face id: one that says what an image shows, and one that writes
    #: down what is said (a Whisper).
    captioner: str | None = None
    transcriber: str | None = None
    #: Seconds for what a model says of one source.
    patience: Annotated[float, Gt(0), Le(3600)] = 60.0


def read(config: Mapping[str, Any]) -> Settings:
    """Return all settings, with those that nobody has set."""
    try:
        return Settings.model_validate(dict(config))
    except ValidationError as error:
        raise InvalidArgument(reason(error, "drivers.perception.settings")) from None
