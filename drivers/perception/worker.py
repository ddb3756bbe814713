"""The process that reads what strangers have written: no network, no files, few rights, one driver.

It runs as an agent of the house does, in the same sandbox, holding no more than its mailbox. What
it is told comes as letters, each with the key that its driver alone knows; whatever else lands in
its mailbox is dropped. One source that takes its process along takes nobody else's answer.

Interface:
    main            the program: reads sources until nobody has sent one for a while
    work            one order to one answer
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Any

from ...syscalls.blocking import BlockingOS
from ...syscalls.errors import (
    DeadlineExceeded,
    InvalidArgument,
    LLMAgentOSError,
    TooBig,
    TryAgain,
)
from .bounds import OutOfTime, confine, time_limit, worn
from .findings import Findings, Full, sound
from .sniff import MEDIA, sniff

#: Seconds without an order after which it ends: its driver may have died without a word.
IDLE = 900.0
#: Seconds between two tries to put an answer into a mailbox that is full, and how many.
_PAUSE, _TRIES = 0.05, 200


def main(os: BlockingOS, task: str | None) -> int:
    """Answer one order after the other; `sys.argv` holds the driver's key and bytes of memory."""
    key, memory = sys.argv[1], int(sys.argv[2])
    confine(memory)
    while True:
        try:
            letter = os.call("ipc.recv", deadline=IDLE)
        except DeadlineExceeded:
            return 0
        order = letter["body"]
        if isinstance(order, dict) and order.get("key") == key:
            answer = work(order)
            answer["spent"] = answer.get("spent", False) or worn()
            try:
                _send(os, letter["sender"], answer)
            except (InvalidArgument, TooBig) as error:  # What no message can carry.
                answer = {"number": order["number"], **_error(order, error)}
                _send(os, letter["sender"], answer)
            if answer.get("spent"):
                return 0


def work(order: dict[str, Any]) -> dict[str, Any]:
    """Return what is found in a source, or the error that reading it ends in.

    `spent`: whether this process is not to read another one.
    """
    number = {"number": order["number"]}
    findings = Findings(order["limit"], caption=order["caption"], transcript=order["transcript"])
    try:
        with time_limit(order["seconds"]):
            _read(order, findings)
    except OutOfTime:
        slow = f"reading it takes more than {order['seconds']:g} s"
        if not findings.observations:
            return number | _error(order, DeadlineExceeded(slow)) | {"spent": True}
        findings.truncated = True
        findings.lack(f"the rest: {slow}")
        return number | {"found": findings.as_plain(), "spent": True}
    except MemoryError:
        big = TooBig("reading it takes more memory than a source may")
        return number | _error(order, big) | {"spent": True}
    except LLMAgentOSError as error:
        return number | _error(order, error)
    except RecursionError:
        return number | _error(order, InvalidArgument("it is nested too deep"))
    except Exception as error:  # a library may raise anything about what it cannot read
        broken = InvalidArgument(f"it is damaged: {type(error).__name__}: {error}"[:500])
        return number | _error(order, broken)
    return number | {"found": findings.as_plain()}


def _read(order: dict[str, Any], findings: Findings) -> None:
    findings.media = sniff(order["name"], order["data"], order["media"])
    reader = import_module(f".readers.{MEDIA[findings.media]}", __package__)
    try:
        reader.read(order["data"], findings.media, findings)
    except Full:
        findings.truncated = True


def _error(order: dict[str, Any], error: LLMAgentOSError) -> dict[str, Any]:
    return {"error": [error.code, sound(f"{order['name']}: {error.message}")]}


def _send(os: BlockingOS, to: int, answer: dict[str, Any]) -> None:
    for _ in range(_TRIES):
        try:
            os.ipc.send(to, answer)
            return
        except TryAgain:  # Strangers may fill its mailbox; it empties it all the time.
            time.sleep(_PAUSE)
