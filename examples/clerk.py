"""A clerk: does sums, and keeps and finds what it is told, with the tools of the system.

aos run examples/clerk.py --task "Store the total of 37 times 12 as budget"
aos run examples/clerk.py --task "What is the budget?"
"""

from __future__ import annotations

import json
from typing import Any

from llmagentos import OS

TOOLS = (
    "calculator", "memory_put", "memory_get", "memory_delete", "memory_list",
    "file_write", "file_read", "file_list", "clock",
)  # fmt: skip
STEPS = 8


async def main(os: OS, task: str | None) -> int:
    """Let the model ask for tools until it has an answer."""
    if not task:
        print("Tell me what to do with --task.")
        return 2
    known = {tool.name: tool.schema() for tool in await os.tool.ls(only=list(TOOLS))}
    tools = [known[name] for name in TOOLS if name in known]
    messages: list[Any] = [
        {"role": "system", "content": "You are a helpful agent."},
        {"role": "user", "content": task},
    ]
    for _ in range(STEPS):
        reply = await os.model.chat(messages, tools=tools, max_tokens=256)
        if not reply.tool_calls:
            print(reply.content)
            return 0
        messages.append(
            {"role": "assistant", "content": reply.content, "tool_calls": reply.tool_calls}
        )
        for call in reply.tool_calls:
            function = call["function"]
            result = await os.tool.call(function["name"], json.loads(function["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result.text})
    print(f"I have not come to an end in {STEPS} steps.")
    return 1
