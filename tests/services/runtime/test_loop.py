from __future__ import annotations

import asyncio
from fnmatch import fnmatch
from typing import Any, cast

import pytest

from llmagentos.services.runtime.loop import Loop, StepLimit
from llmagentos.services.runtime.manifest import Limits, Manifest
from llmagentos.syscalls.errors import (
    DeadlineExceeded,
    DeviceError,
    InDoubt,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    TryAgain,
)
from llmagentos.syscalls.model import ChatReply, Message, Usage
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.tool import ToolInfo, ToolResult

Ask = tuple[str, str]


def reply(content: str | None = None, *calls: Ask) -> ChatReply:
    """Return what the model says, with the tools that it asks for by name and arguments."""
    return ChatReply(
        content=content,
        tool_calls=[
            {"id": str(n), "type": "function", "function": {"name": name, "arguments": text}}
            for n, (name, text) in enumerate(calls)
        ],
        finish_reason="tool_calls" if calls else "stop",
        usage=Usage(input_tokens=1, output_tokens=1),
        model="script",
    )


class System:
    """A model that follows a script, and tools of which `fails` raises what it is told to."""

    def __init__(self, *script: ChatReply, failure: LLMAgentOSError | None = None) -> None:
        self.model = self.tool = self
        self._script = list(script)
        self._failure = failure
        #: What the model was shown, turn by turn, and how it was asked.
        self.shown: list[list[Message]] = []
        self.asked: list[dict[str, Any]] = []
        self.called: list[tuple[str, Any]] = []

    async def ls(self, only: list[str]) -> list[ToolInfo]:
        return [
            ToolInfo(name=name, description="", parameters={}, effect=False, untrusted=False)
            for name in ("add", "fails", "shell")
            if any(fnmatch(name, pattern) for pattern in only)
        ]

    async def chat(self, messages: list[Message], **settings: Any) -> ChatReply:
        self.shown.append(list(messages))
        self.asked.append(settings)
        return self._script.pop(0)

    async def call(self, name: str, arguments: Any) -> ToolResult:
        self.called.append((name, arguments))
        if self._failure is not None:
            raise self._failure
        return ToolResult(text=f"{name} did {arguments}", sources=[f"{name}.pdf, page 1"])


def answer(system: System, **settings: Any) -> str:
    manifest = Manifest(**{"tools": ["add", "fails"], **settings})
    return asyncio.run(Loop(cast(OS, system), manifest).run("the task"))


def test_answer_without_a_tool_ends_the_loop() -> None:
    system = System(reply("I will not do that."))
    assert answer(system, instructions="Be brief.") == "I will not do that."
    assert [(one["role"], one.get("content")) for one in system.shown[0]] == [
        ("system", "Be brief."),
        ("user", "the task"),
    ]


def test_model_that_says_nothing_answers_with_nothing() -> None:
    assert answer(System(reply(None))) == ""


def test_tools_run_in_order_and_their_results_are_read_by_the_model() -> None:
    system = System(reply(None, ("add", '{"a": 1}'), ("add", '{"a": 2}')), reply("done"))
    assert answer(system) == "done"
    assert system.called == [("add", {"a": 1}), ("add", {"a": 2})]
    assert [(one.get("tool_call_id"), one.get("content")) for one in system.shown[1][-2:]] == [
        ("0", "add did {'a': 1}"),
        ("1", "add did {'a': 2}"),
    ]


def test_only_declared_tools_are_offered_and_none_else_is_run() -> None:
    system = System(reply(None, ("shell", '{"command": "rm"}')), reply("done"))
    answer(system, tools=["add"])
    assert [one["function"]["name"] for one in system.asked[0]["tools"]] == ["add"]
    assert system.called == []
    assert "no tool 'shell'" in (system.shown[1][-1].get("content") or "")


def test_agent_without_tools_offers_none() -> None:
    system = System(reply("done"))
    answer(system, tools=[])
    assert system.asked[0]["tools"] is None


@pytest.mark.parametrize(
    "failure",
    [InvalidArgument("a is missing"), NotFound("no file"), PermissionDenied("not allowed"),
     DeadlineExceeded("too slow"), DeviceError("crashed"), TryAgain("busy")],
    ids=lambda one: one.code,
)  # fmt: skip
def test_error_that_a_model_can_act_on_goes_back_to_it(failure: LLMAgentOSError) -> None:
    system = System(reply(None, ("fails", "{}")), reply("I see"), failure=failure)
    assert answer(system) == "I see"
    said = system.shown[1][-1].get("content") or ""
    assert said.startswith("error: ") and failure.message in said


@pytest.mark.parametrize("failure", [QuotaExceeded("spent"), InDoubt("who knows")],
                         ids=lambda one: one.code)  # fmt: skip
def test_error_that_no_model_can_mend_ends_the_agent(failure: LLMAgentOSError) -> None:
    with pytest.raises(type(failure)):
        answer(System(reply(None, ("fails", "{}")), failure=failure))


@pytest.mark.parametrize("text", ["", "{", "not json"])
def test_arguments_that_are_no_json_go_back_to_the_model(text: str) -> None:
    system = System(reply(None, ("add", text)), reply("sorry"))
    assert answer(system) == "sorry"
    assert (system.shown[1][-1].get("content") or "").startswith("error: ")
    assert system.called == []


def test_loop_ends_after_its_steps() -> None:
    system = System(*[reply(None, ("add", "{}"))] * 5)
    with pytest.raises(StepLimit, match="3 steps"):
        answer(system, limits=Limits(steps=3))
    assert len(system.shown) == 3


def test_limits_and_temperature_reach_the_model() -> None:
    system = System(reply("done"))
    answer(system, limits=Limits(reply_tokens=9), temperature=0.5)
    assert (system.asked[0]["max_tokens"], system.asked[0]["temperature"]) == (9, 0.5)


def test_sources_of_what_was_read_are_kept_once() -> None:
    system = System(reply(None, ("add", "{}"), ("add", '{"a": 1}')), reply("done"))
    loop = Loop(cast(OS, system), Manifest(tools=["add"]))
    asyncio.run(loop.run("the task"))
    assert loop.sources == ["add.pdf, page 1"]
