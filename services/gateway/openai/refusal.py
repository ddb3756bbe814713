"""What is wrong with a request, said as OpenAI's clients expect it.

Interface:
    Refusal         raised for a request that is not taken
    refusal_of      an error of the operating system as a refusal
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastapi.responses import JSONResponse

from ....syscalls.errors import LLMAgentOSError


class _Kind(NamedTuple):
    status: int
    type: str
    code: str


_DEFECT = _Kind(500, "server_error", "internal_error")
_KINDS = {
    "EPERM": _Kind(403, "permission_error", "permission_denied"),
    "ENOENT": _Kind(404, "invalid_request_error", "model_not_found"),
    "ENOSYS": _Kind(404, "invalid_request_error", "not_found"),
    "EINVAL": _Kind(400, "invalid_request_error", "invalid_value"),
    "EPROTO": _Kind(400, "invalid_request_error", "invalid_value"),
    "E2BIG": _Kind(413, "invalid_request_error", "request_too_large"),
    "EAGAIN": _Kind(429, "rate_limit_error", "rate_limit_exceeded"),
    "EDQUOT": _Kind(429, "insufficient_quota", "insufficient_quota"),
    "ETIMEDOUT": _Kind(504, "server_error", "timeout"),
    "ECANCELED": _Kind(499, "invalid_request_error", "cancelled"),
    "EDEVICE": _Kind(503, "server_error", "device_unavailable"),
}
#: Clients repeat what ends in 429 or 5xx; these would end in the same way again.
_FINAL = frozenset({"EDQUOT", "ETIMEDOUT"})
_STATUS = {413: "request_too_large", 415: "unsupported_media_type", 408: "timeout"}


class Refusal(Exception):
    """The request is not taken."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = "invalid_value",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        self.error: dict[str, Any] = {
            "message": message, "type": type, "param": param, "code": code,
        }  # fmt: skip

    @classmethod
    def unsupported(cls, param: str, why: str = "it is not supported here") -> Refusal:
        """Return a refusal of something that OpenAI has and this system has not."""
        return cls(f"{param}: {why}", param=param, code="unsupported_parameter")

    @classmethod
    def plain(cls, status: int, message: str) -> Refusal:
        """Return a refusal by HTTP alone, such as of a body that is too large."""
        return cls(message, status=status, code=_STATUS.get(status, "invalid_request"))

    def response(self) -> JSONResponse:
        """Return it as an answer."""
        return JSONResponse({"error": self.error}, self.status, self.headers)


def refusal_of(error: LLMAgentOSError) -> Refusal:
    """Return an error of the operating system as a refusal."""
    kind = _KINDS.get(error.code, _DEFECT)
    headers = {}
    after = error.details.get("retry_after")
    if isinstance(after, (int, float)):
        headers["Retry-After"] = str(max(1, round(min(after, 3600))))
    if error.code in _FINAL:
        headers["X-Should-Retry"] = "false"
    return Refusal(
        error.message,
        status=kind.status,
        type=kind.type,
        param="model" if kind.code == "model_not_found" else None,
        # A conversation was longer than the context that the error speaks of.
        code="context_length_exceeded" if "context" in error.details else kind.code,
        headers=headers,
    )
