"""Bytes among a syscall's arguments, which a message carries as they are and JSON as base64.

Interface:
    Data            the type of such an argument
"""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema


def _decoded(value: Any) -> Any:
    """Return the bytes that a text stands for. Raises ValueError for a text that is no base64."""
    if not isinstance(value, str):
        return value
    try:
        return b64decode("".join(value.split()), validate=True)
    except ValueError as error:
        raise ValueError(f"bytes are base64 in a text: {error}") from None


#: Bytes, or the text that is their base64.
Data = Annotated[
    bytes,
    BeforeValidator(_decoded),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]
