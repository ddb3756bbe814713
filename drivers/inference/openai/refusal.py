"""What a server answers instead of a reply.

Interface:
    refusal         a status and the server's own words to the error that they stand for
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ....syscalls.errors import (
    DeviceError,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    PermissionDenied,
    TryAgain,
)

#: Characters of an answer that are shown.
SHOWN = 2000
_KINDS: Mapping[int, type[LLMAgentOSError]] = {
    400: InvalidArgument, 401: PermissionDenied, 403: PermissionDenied, 404: NotFound,
    413: InvalidArgument, 422: InvalidArgument,
}  # fmt: skip


def refusal(status: int, text: str, retry_after: str = "") -> LLMAgentOSError:
    """Return the error; `retry_after` is the header of that name."""
    said = _words(text)[:SHOWN]
    if status == 429:
        seconds = float(retry_after) if retry_after.isdigit() else 1.0
        return TryAgain(f"the model's server: {said}", retry_after=seconds)
    return _KINDS.get(status, DeviceError)(f"the model's server: {said}")


def _words(text: str) -> str:
    try:
        said = json.loads(text)
        detail = said.get("error", said)
        return str(detail.get("message", detail) if isinstance(detail, dict) else detail)
    except (ValueError, AttributeError):
        return text
