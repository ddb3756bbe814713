"""The tool calls of a reply, put together from the pieces that servers send.

Interface:
    Calls           `add` takes a piece; `all` returns the calls in their order
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from ....syscalls.model import ToolCall


class Calls:
    """OpenAI numbers its calls; others leave the number out, or give each call the same one."""

    def __init__(self) -> None:
        self._calls: list[ToolCall] = []
        #: The call that each number has last stood for.
        self._numbered: dict[int, ToolCall] = {}

    def add(self, piece: dict[str, Any]) -> None:
        """Take a piece of a call, or a whole one."""
        number, identity = piece.get("index"), piece.get("id") or ""
        function = piece.get("function") or {}
        name, arguments = function.get("name") or "", function.get("arguments") or ""
        call = self._meant(number, identity, name)
        if call is None:
            call = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
            self._calls.append(call)
        if isinstance(number, int):
            self._numbered[number] = call
        call["id"] = call["id"] or identity
        # Some repeat the name with every piece.
        if call["function"]["name"] != name:
            call["function"]["name"] += name
        whole = arguments if isinstance(arguments, str) else json.dumps(arguments)
        call["function"]["arguments"] += whole

    def _meant(self, number: Any, identity: str, name: str) -> ToolCall | None:
        """Return the call that a piece goes on with; None where it starts one."""
        if isinstance(number, int):
            call = self._numbered.get(number)
        else:
            call = self._calls[-1] if self._calls else None
        if call is None or (identity and call["id"] not in ("", identity)):
            return None
        if not isinstance(number, int) and name and call["function"]["name"]:
            return call if identity and identity == call["id"] else None
        return call

    def all(self) -> list[ToolCall]:
        """Return the calls; one that was sent without an identity is given one."""
        for call in self._calls:
            call["id"] = call["id"] or f"call_{uuid4().hex}"
        return self._calls
