"""Every way in which a syscall can fail, one class for each stable code.

LLMAgentOSError
├── PermissionDenied    EPERM      a capability is missing
├── NotFound            ENOENT     no such process, key, tool, model …
├── NoSyscall           ENOSYS     no such syscall
├── InvalidArgument     EINVAL     an argument has the wrong type or value
├── AlreadyExists       EEXIST     the name is taken
├── TooBig              E2BIG      the message is larger than a frame may be
├── ProtocolError       EPROTO     the bytes are no frame of this protocol
├── TryAgain            EAGAIN     a queue is full; details["retry_after"] seconds
├── QuotaExceeded       EDQUOT     a budget would be overspent
├── DeadlineExceeded    ETIMEDOUT  no answer before the deadline
├── Cancelled           ECANCELED  the caller took the call back
├── InputOutputError    EIO        a file, disk or socket failed
├── DeviceError         EDEVICE    the driver or its device failed
├── InDoubt             EINDOUBT   the effect may or may not have happened
├── Diverged            EDIVERGED  a replayed program left its record
├── SandboxError        ESANDBOX   a required sandbox layer is not enforced
└── Internal            EINTERNAL  a defect of ours
"""

from __future__ import annotations

from typing import Any, ClassVar


class LLMAgentOSError(Exception):
    """The operating system refused or failed a call."""

    code: ClassVar[str] = "EINTERNAL"

    def __init__(self, message: str | None = None, **details: Any) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.details = details
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class PermissionDenied(LLMAgentOSError):
    """No capability allows this call."""

    code = "EPERM"


class NotFound(LLMAgentOSError):
    """There is no such object."""

    code = "ENOENT"


class NoSyscall(LLMAgentOSError):
    """There is no such syscall."""

    code = "ENOSYS"


class InvalidArgument(LLMAgentOSError):
    """An argument has the wrong type or value."""

    code = "EINVAL"


class AlreadyExists(LLMAgentOSError):
    """The name is taken."""

    code = "EEXIST"


class TooBig(LLMAgentOSError):
    """The message is larger than a frame may be."""

    code = "E2BIG"


class ProtocolError(LLMAgentOSError):
    """The bytes are no frame of this protocol."""

    code = "EPROTO"


class TryAgain(LLMAgentOSError):
    """The queue is full; try again later."""

    code = "EAGAIN"


class QuotaExceeded(LLMAgentOSError):
    """The budget does not cover this call."""

    code = "EDQUOT"


class DeadlineExceeded(LLMAgentOSError):
    """There was no answer before the deadline."""

    code = "ETIMEDOUT"


class Cancelled(LLMAgentOSError):
    """The caller took the call back."""

    code = "ECANCELED"


class InputOutputError(LLMAgentOSError):
    """Input or output failed."""

    code = "EIO"


class DeviceError(LLMAgentOSError):
    """The driver or its device failed."""

    code = "EDEVICE"


class InDoubt(LLMAgentOSError):
    """The effect may or may not have happened."""

    code = "EINDOUBT"


class Diverged(LLMAgentOSError):
    """The replayed program left its record."""

    code = "EDIVERGED"


class SandboxError(LLMAgentOSError):
    """A required sandbox layer is not enforced."""

    code = "ESANDBOX"


class Internal(LLMAgentOSError):
    """The operating system has a defect here."""

    code = "EINTERNAL"


BY_CODE: dict[str, type[LLMAgentOSError]] = {
    kind.code: kind for kind in LLMAgentOSError.__subclasses__()
}


def from_wire(code: str, message: str, details: dict[str, Any]) -> LLMAgentOSError:
    """Return the exception for a code; an unknown code (a newer peer's) becomes `Internal`."""
    kind = BY_CODE.get(code, Internal)
    return kind(message if code in BY_CODE else f"{code}: {message}", **details)
