from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from llmagentos.services.planner.hands import LOOKS, SHOWN, Hands, offered
from llmagentos.services.planner.line import Ask, Line
from llmagentos.services.planner.mind import Imagination
from llmagentos.services.planner.voice import Contexts
from llmagentos.syscalls.errors import InvalidArgument
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.tool import ToolInfo

from .stage import INFOS, Script, System


def mind(script: Script, habit: str | None = None) -> tuple[Imagination, System]:
    system = System(script)
    hands = Hands(cast(OS, system), list(INFOS.values()), lambda tool: habit)
    voice = Contexts(cast(OS, system))
    asyncio.run(voice.open([], []))
    return Imagination(voice, hands, temperature=0.8, reply_tokens=50), system


def expand(one: Imagination, line: Line, count: int) -> list[Line]:
    return asyncio.run(one.expand(line, count))


def test_same_replies_are_one_line_that_counts_them_and_hold_one_context() -> None:
    thought, system = mind(lambda held: [([("look", "a")], 0.5)])
    lines = expand(thought, thought.root, 4)
    assert [line.count for line in lines] == [10]  # four draws, and hotter ones for the missing
    assert len(system.contexts_open) == 2


def test_first_draw_is_greedy_and_hotter_ones_follow_while_too_few_differ() -> None:
    thought, system = mind(lambda held: [("a", 0.5)])
    expand(thought, thought.root, 4)
    temperatures = [one["temperature"] for one in system.drawn]
    assert temperatures == [0.0, 0.8, 0.8, 0.8, 2.0, 2.0, 2.0, 5.0, 5.0, 5.0]
    assert len({one["seed"] for one in system.drawn}) == 10


def test_line_goes_on_behind_a_look_up_and_stops_before_an_effect_of_unknown_result() -> None:
    thought, _ = mind(lambda held: [([("look", "a")], 0.5), ([("write", "a")], 0.5)])
    going = {line.asks[0].tool: line.going for line in expand(thought, thought.root, 2)}
    assert going == {"look": True, "write": False}


def test_nothing_is_looked_up_behind_an_effect_that_is_only_thought_of() -> None:
    thought, system = mind(
        lambda held: [([("look", "a")], 0.5)] if held else [([("write", "a")], 0.5)], habit="ok"
    )

    async def work() -> Line:
        [written] = await thought.expand(thought.root)
        [looked] = await thought.expand(written)
        return looked

    looked = asyncio.run(work())
    assert [ask.expected and ask.expected.text for ask in looked.asks] == ["ok", None]
    assert not looked.going and system.called == []


def test_reply_without_words_or_room_is_left_out_where_there_is_another() -> None:
    thought, _ = mind(lambda held: [("", 0.9), ("word", 0.1)])
    assert [line.answer for line in expand(thought, thought.root, 2)] == ["word"]


def test_unknown_tool_is_a_failure_of_the_line_and_calls_nothing() -> None:
    thought, system = mind(lambda held: [([("nothing", "a")], 0.5)])
    [line] = expand(thought, thought.root, 1)
    expected = line.asks[0].expected
    assert expected is not None and expected.failed and "no tool" in expected.text
    assert system.called == []


def test_looks_of_a_plan_are_bounded() -> None:
    system = System(lambda held: [])
    hands = Hands(cast(OS, system), list(INFOS.values()), lambda tool: None)

    async def work() -> list[Any]:
        asks = [Ask(id="1", tool="look", arguments={"x": str(n)}) for n in range(LOOKS + 5)]
        return [await hands.look(Line(), [], ask) for ask in asks]

    assert [one is None for one in asyncio.run(work())].count(True) == 5


def test_of_many_tools_those_that_fit_the_task_are_offered() -> None:
    system = System(lambda held: [])
    system.infos = {
        f"t{n:02}": ToolInfo(
            name=f"t{n:02}", description="", parameters={}, effect=False, untrusted=False
        )
        for n in range(60)
    }
    found = asyncio.run(offered(cast(OS, system), "task", None))
    assert len(found) == SHOWN and found[0].name == "t59"
    with pytest.raises(InvalidArgument, match="none fits"):
        asyncio.run(offered(cast(OS, system), "task", ["x*"]))
