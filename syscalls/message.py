"""The messages between processes and the kernel.

A frame is `length u32 | header length u16 | header | body`, big-endian; the header is a msgpack
array, the body an opaque msgpack value that the kernel forwards without decoding. Header fields
after the known ones are ignored, so that a newer peer may add some.

    kind     header after (version, kind, call)                      body
    REQUEST  syscall, deadline s, trace, behalf, caller, principal,  map of arguments
             rank, tainted
    REPLY    usage map or nil                                        the result
    ERROR    code, usage map or nil                                  [message, details]
    ITEM     -                                                       one item of a stream
    CREDIT   items granted                                           -
    CANCEL   -                                                       -
    SIGNAL   name, and what it says                                  -

`behalf` names a call that the sender is serving: a nested call made with it runs with the rights
and the budget of whoever made that call. What follows is written by the kernel alone: `rank` is a
list of numbers, the lowest comes first, and nil for a call that is queued for no device; `tainted`
says whether the caller has read what a stranger may have written.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

#: Frames of another major version are refused with EPROTO.
VERSION = 1
#: The largest frame, in bytes, that anybody may send.
MAX_FRAME = 16 * 1024 * 1024
#: Seconds that a call may take at most, whatever its caller asks for.
MAX_DEADLINE = 86_400.0
#: How many items a provider may send ahead of the consumer's credit.
INITIAL_CREDIT = 64


class Kind(IntEnum):
    """What a frame is."""

    REQUEST = 0
    REPLY = 1
    ERROR = 2
    ITEM = 3
    CREDIT = 4
    CANCEL = 5
    SIGNAL = 6


class Signal(StrEnum):
    """The names of signals, and what each says.

    A process answers each PING with a PONG from its main loop.
    """

    PING = "PING"
    PONG = "PONG"
    #: To the driver of a device that preempts, with its number in the header: a call that it serves
    #: has this rank from now on.
    RANK = "RANK"
    #: To such a driver: pid, `running`, `blocked`, `suspended` or `gone`, and the seconds for which
    #: a blocked one is expected to be so (nil where nobody knows).
    PROCESS = "PROCESS"
    #: From a driver, with its number in the header: what a call has used since the last time.
    USAGE = "USAGE"
    #: From a provider, with its number in the header: where what a call has read comes from, which
    #: taints the process that it is made for. It is sent before the answer, and so heard before it.
    TAINT = "TAINT"
