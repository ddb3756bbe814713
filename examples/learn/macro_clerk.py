"""A clerk whose next tool somebody else chooses: chance, or a policy that was learnt.

What is chosen is a macro-action: the tool. The model writes its arguments, and the answer.

    aos run examples/learn/macro_clerk.py --task "what is 7 plus 5" -- --policy macro
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any

from llmagentos import OS
from llmagentos.syscalls.episodes import text_class

TOOLS = (
    "calculator", "memory_put", "memory_get", "memory_delete", "memory_list", "file_list", "clock",
)  # fmt: skip
ANSWER = "answer"
STEPS = 5


async def main(os: OS, task: str | None) -> int:
    """Work on a task: `--noise P` takes a tool by chance so often, `--policy NAME` asks one."""
    how, value = (*sys.argv[1:3], "--noise", "0")[:2]
    known = {tool.name: tool.schema() for tool in await os.tool.ls(only=list(TOOLS))}
    tools = [known[name] for name in TOOLS]
    messages: list[Any] = [{"role": "user", "content": task or ""}]
    steps: list[list[str]] = []
    for _ in range(STEPS):
        choice = "auto"
        if how == "--policy":
            course = {"task": task or "", "steps": steps}
            scores = await os.learning.advise(value, course)
            choice = max(scores, key=lambda name: scores[name])
        elif random.random() < float(value):
            choice = random.choice([*TOOLS, ANSWER])
        asked = "auto" if choice == ANSWER else choice
        reply = await os.model.chat(messages, tools=tools, max_tokens=96, tool_choice=asked)
        if choice == ANSWER or not reply.tool_calls:
            print(reply.content)
            return 0
        call = reply.tool_calls[0]
        text = await _invoke(os, call["function"])
        steps.append([call["function"]["name"], text_class(text)])
        messages += [
            {"role": "assistant", "content": reply.content, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": text},
        ]
    return 1


async def _invoke(os: OS, function: Any) -> str:
    try:
        arguments = json.loads(function["arguments"])
        return (await os.tool.call(function["name"], arguments)).text
    except Exception as error:  # what is wrong is for the model to read
        return f"error: {error}"
