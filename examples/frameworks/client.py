"""A program with OpenAI's own client, without a line about LLMAgentOS.

aos run -- python examples/frameworks/client.py "Store 42 as budget"
"""

import json
import sys

from openai import OpenAI

NOTES: dict[str, str] = {}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "memory_put",
            "description": "Remember a value under a key.",
            "parameters": {
                "type": "object",
                "properties": {"key": {"type": "string"}, "value": {"type": "string"}},
                "required": ["key", "value"],
            },
        },
    },
]


def main() -> None:
    client = OpenAI()
    model = client.models.list().data[0].id
    messages = [{"role": "user", "content": sys.argv[1]}]
    for _ in range(4):
        reply = client.chat.completions.create(model=model, messages=messages, tools=TOOLS)
        message = reply.choices[0].message
        messages.append(message.model_dump(exclude_none=True))
        if not message.tool_calls:
            break
        for call in message.tool_calls:
            arguments = json.loads(call.function.arguments)
            NOTES[arguments["key"]] = arguments["value"]
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "stored"})
    print(message.content)
    print("notes:", NOTES)


main()
