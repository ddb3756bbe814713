"""A process's past as deeds: what it knew, what it did, what came of it.

A model's context is a handle, so what a reply was an answer to is put together from the calls that
opened the context, appended to it, forked it and went on with it before.

Interface:
    Reader          turns a process's calls, in their order, into deeds
"""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any

from ...syscalls.episodes import REPLIES
from ...syscalls.learning import Deed
from ...syscalls.os import OURS
from ...syscalls.process import Past

#: How the journal begins what it says in the place of a result that was too long.
_HASHED = "(too long to be kept"
_CHAT = frozenset({"model.chat", "model.stream"})
#: What a conversation consists of; the other arguments say how the reply was drawn.
_STATE = frozenset({"messages", "tools", "text", "context"})
_SUBJECTS = {
    f"{interface.interface_name}.{name}": traits.subject
    for interface in OURS
    for name, (_, traits) in interface.methods().items()
}


class Reader:
    """Reads one process's calls. Owns what its contexts hold."""

    def __init__(self) -> None:
        #: By handle; None for one whose beginning was not kept.
        self._contexts: dict[int, dict[str, Any] | None] = {}

    def deed(self, past: Past) -> Deed:
        """Return a call as a deed; calls are given in the order of their `seq`."""
        arguments = past.arguments if isinstance(past.arguments, dict) else None
        done = past.outcome == "ok"
        state: dict[str, Any] = {}
        action: dict[str, Any] = arguments or {}
        result, policy, logprob = past.result, None, None
        whole = arguments is not None and not _hashed(past.result)
        if past.syscall in REPLIES:
            known = self._known(past.syscall, arguments)
            state = known or {}
            state |= {"options": _options(arguments)}
            whole = whole and known is not None
            action = {}
            if done:
                reply = past.result if isinstance(past.result, dict) else {}
                # A streamed reply was sent in pieces, which the journal does not keep.
                whole = whole and bool(reply)
                action, policy, logprob = _reply(reply)
                result = reply.get("usage")
        elif past.syscall == "tool.call" and arguments is not None:
            action = arguments.get("arguments") or {}
        if past.syscall.startswith("model.") and done:
            self._follow(past.syscall, arguments, past.result)
        return Deed(
            seq=past.seq, time=past.time, syscall=past.syscall,
            subject=_subject(past.syscall, arguments), state=state, action=action, result=result,
            outcome=past.outcome, policy=policy, logprob=logprob, whole=whole, by=past.by,
        )  # fmt: skip

    def _known(self, syscall: str, arguments: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return what a reply is an answer to; None where that was not kept."""
        if arguments is None:
            return None
        if syscall in _CHAT:
            return {"messages": arguments.get("messages"), "tools": arguments.get("tools")}
        return deepcopy(self._contexts.get(arguments.get("context", 0)))

    def _follow(self, syscall: str, arguments: dict[str, Any] | None, result: Any) -> None:
        """Keep account of what the contexts hold."""
        if syscall == "model.open" and isinstance(result, dict):
            self._contexts[result["context"]] = None if arguments is None else {
                "messages": list(arguments.get("messages") or ()),
                "tools": arguments.get("tools"),
                "text": arguments.get("text") or "",
            }  # fmt: skip
        if arguments is None or (handle := arguments.get("context")) not in self._contexts:
            return
        held = self._contexts[handle]
        if syscall == "model.close":
            del self._contexts[handle]
        elif syscall == "model.fork" and isinstance(result, list):
            self._contexts |= {one["context"]: deepcopy(held) for one in result}
        elif syscall in ("model.append", "model.generate") and held is not None:
            if syscall == "model.append":
                held["messages"] += arguments.get("messages") or ()
                held["text"] += arguments.get("text") or ""
            elif not isinstance(result, dict):
                self._contexts[handle] = None
            elif held["messages"]:
                said = {key: result.get(key) for key in ("content", "tool_calls")}
                held["messages"].append({"role": "assistant", **said})
            else:
                held["text"] += result.get("content") or ""


def _subject(syscall: str, arguments: dict[str, Any] | None) -> str | None:
    if arguments is None:
        return None
    said = arguments.get(_SUBJECTS.get(syscall) or "name")
    return said if isinstance(said, str) else None


def _options(arguments: dict[str, Any] | None) -> dict[str, Any]:
    return {name: one for name, one in (arguments or {}).items() if name not in _STATE}


def _reply(reply: dict[str, Any]) -> tuple[dict[str, Any], str | None, float | None]:
    """Return a reply as an action, with the model and the log-probability of its tokens."""
    action = {key: reply.get(key) for key in ("content", "tool_calls", "finish_reason")}
    tokens = reply.get("logprobs")
    logprob = math.fsum(one["logprob"] for one in tokens) if tokens else None
    return action, reply.get("model"), logprob


def _hashed(result: Any) -> bool:
    return isinstance(result, str) and result.startswith(_HASHED)
