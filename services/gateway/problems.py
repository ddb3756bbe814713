"""Errors over HTTP: RFC 9457 problem details, one status for each code.

Interface:
    STATUS          code to HTTP status
    problem         an error as a response
    refuse          a problem that is no syscall's error
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse

from ...syscalls.errors import BY_CODE, LLMAgentOSError
from .body import jsonable

#: EINDOUBT, EIO and EINTERNAL are ours to answer for; everything else the caller can act on.
STATUS = {
    "EPERM": 403, "ENOENT": 404, "ENOSYS": 404, "EINVAL": 422, "EEXIST": 409, "E2BIG": 413,
    "EPROTO": 400, "EAGAIN": 429, "EDQUOT": 402, "ETIMEDOUT": 504, "ECANCELED": 409, "EIO": 507,
    "EDEVICE": 503, "EINDOUBT": 409, "EDIVERGED": 409, "ESANDBOX": 409, "EINTERNAL": 500,
}  # fmt: skip
_TYPE = "application/problem+json"


def problem(error: LLMAgentOSError) -> JSONResponse:
    """Return an error as problem details, with its code and its own details."""
    status = STATUS.get(error.code, 500)
    kind = BY_CODE.get(error.code, LLMAgentOSError)
    body = {
        "type": f"/docs#{error.code}",
        "title": (kind.__doc__ or error.code).strip().split("\n")[0],
        "status": status,
        "detail": error.message,
        "code": error.code,
    }
    headers = {}
    after = error.details.get("retry_after")
    if isinstance(after, (int, float)):
        headers["Retry-After"] = str(max(1, round(min(after, 3600))))
    return _response(status, {**jsonable(error.details), **body}, headers)


def refuse(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a problem of HTTP's own, such as a missing token."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return _response(status, body, headers or {})


def _response(status: int, body: dict[str, Any], headers: dict[str, str]) -> JSONResponse:
    return JSONResponse(body, status, headers, media_type=_TYPE)
