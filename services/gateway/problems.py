"""Errors over HTTP: RFC 9457 problem details, one status for each code.

Interface:
    STATUS          code to HTTP status
    problem         an error as a response
    refuse          a problem that is no syscall's error
"""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from ...syscalls.errors import BY_CODE, LLMAgentOSError

#: EINDOUBT, EIO and EINTERNAL are ours to answer for; everything else the caller can act on.
STATUS = {
    "EPERM": 403, "ENOENT": 404, "ENOSYS": 404, "EINVAL": 422, "EEXIST": 409, "E2BIG": 413,
    "EPROTO": 400, "EAGAIN": 429, "EDQUOT": 402, "ETIMEDOUT": 504, "ECANCELED": 409, "EIO": 507,
    "EDEVICE": 503, "EINDOUBT": 409, "EDIVERGED": 409, "ESANDBOX": 409, "EINTERNAL": 500,
}  # fmt: skip
_TYPE = "application/problem+json"


def problem(error: LLMAgentOSError) -> JSONResponse:
    """Return an error as problem details, with its code and its own details."""
    headers = {}
    if (after := error.details.get("retry_after")) is not None:
        headers["Retry-After"] = str(max(1, round(float(after))))
    return _response(STATUS.get(error.code, 500), error.code, error.message, error.details, headers)


def refuse(
    status: int, title: str, detail: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return a problem of HTTP's own, such as a missing token."""
    return _response(status, title, detail, {}, headers or {})


def _response(
    status: int, code: str, detail: str, details: dict[str, Any], headers: dict[str, str]
) -> JSONResponse:
    known = BY_CODE.get(code)
    title = (known.__doc__ or code).strip().split("\n")[0] if known else code
    body = {"type": f"/errors/{code}", "title": title, "status": status, "detail": detail}
    if known:
        body["code"] = code
    extra = {key: value for key, value in details.items() if key not in body and _fits(value)}
    return JSONResponse({**extra, **body}, status, headers, media_type=_TYPE)


def _fits(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool, list, dict, type(None)))
