"""What a request means: the tool calls that it takes, and the sentence that reports them.

Interface:
    Builder         steps and answer of one clause
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .tasks import Clause, Parts, Step
from .world import KNOWLEDGE, SIGNATURES

__all__ = ["Builder"]


class Builder:
    """Steps and answer of one clause."""

    def __init__(self, slots: Mapping[str, str], *, store: bool, write: bool) -> None:
        self.slots = slots
        self.store = store
        self.write = write
        self.steps: list[Step] = []

    def call(self, tool: str, *values: str | int | Parts) -> int:
        """Adds a step; returns its number, by which later parts refer to its result."""
        arguments = tuple(
            (name, value if isinstance(value, tuple) else (value,))
            for name, value in zip({**SIGNATURES, **KNOWLEDGE}[tool], values, strict=True)
        )
        self.steps.append(Step(tool=tool, arguments=arguments))
        return len(self.steps) - 1

    def build(self, kind: str, base: str, expression: str) -> Clause:
        answer = self._answer(kind, base, expression)
        return Clause(kind=kind, steps=tuple(self.steps), answer=answer)

    def _answer(self, kind: str, base: str, expression: str) -> Parts:
        slots, call = self.slots, self.call
        key, path = slots.get("key", ""), slots.get("path", "")
        if base == "store":
            call("memory_put", key, slots["value"])
            return (f"Stored {slots['value']} as {key}.",)
        if base == "write":
            call("file_write", path, slots["text"])
            return (f"Wrote {slots['text']} to {path}.",)
        if base == "forget":
            call("memory_delete", key)
            return (f"Deleted {key}.",)
        if base == "rename":
            got = call("memory_get", key)
            call("memory_put", slots["key2"], got)
            call("memory_delete", key)
            return (f"Renamed {key} to {slots['key2']}.",)
        if base in ("update+", "update-"):
            got = call("memory_get", key)
            got = call("calculator", (got, f" {base[-1]} {slots['n']}"))
            call("memory_put", key, got)
            return ("Stored ", got, f" as {key}.")
        return self._flow(kind, base, expression)

    def _flow(self, kind: str, base: str, expression: str) -> Parts:
        """From one source to the answer, to memory or to a file."""
        slots, call = self.slots, self.call
        key, path = slots.get("key", ""), slots.get("path", "")
        plain: Parts
        target, file = key, path
        if base == "recall":
            got = call("memory_get", key)
            plain = (f"{key} is ", got, ".")
            target = slots.get("target", slots.get("key2", ""))
            if kind.startswith("recall_two"):
                call("memory_get", slots["key2"])
        elif base == "read":
            got = call("file_read", path)
            plain = (f"{path} says ", got, ".")
            file = slots.get("path2", "")
        elif base == "fact":
            got = call("knowledge_ask", _pattern(slots["thing"], slots["attribute"]))
            plain = (f"The {slots['attribute']} of {slots['thing']} is ", got, ".")
            target = slots.get("target", "")
            if kind.startswith("fact_two"):
                call("knowledge_ask", _pattern(slots["thing2"], slots["attribute"]))
        elif base == "search":
            got = call("knowledge_search", slots["topic"])
            plain = (got,)
        elif base == "keys":
            got = call("memory_list")
            plain = ("The keys are ", got, ".")
        elif base == "files":
            got = call("file_list")
            plain = ("The files are ", got, ".")
        elif base == "time":
            got = call("clock")
            plain = ("It is ", got, ".")
        if expression:
            parts = re.split(r"\{(\w+)\}", expression)
            filled = tuple(
                (int(part) if part.isdigit() else slots[part]) if place % 2 else part
                for place, part in enumerate(parts)
                if part
            )
            got = call("calculator", filled)
            plain = ("The answer is ", got, ".")
        return self._place(got, plain, target, file)

    def _place(self, got: int, plain: Parts, target: str, file: str) -> Parts:
        if self.store:
            self.call("memory_put", target, got)
        if self.write:
            self.call("file_write", file, got)
        if self.store and self.write:
            return ("Stored ", got, f" as {target} and wrote it to {file}.")
        if self.store:
            return ("Stored ", got, f" as {target}.")
        return ("Wrote ", got, f" to {file}.") if self.write else plain


def _pattern(thing: str, attribute: str) -> str:
    """The pattern that asks for an attribute; what is no single word stands in quotes."""
    quoted = (f"'{term}'" if " " in term else term for term in (thing, attribute))
    return " ".join([*quoted, "?x"])
