"""An agent of the OpenAI Agents SDK, without a line about LLMAgentOS.

aos run -- python examples/frameworks/agents_sdk.py "Store 42 as budget"
"""

import sys

from agents import Agent, Runner, function_tool

NOTES: dict[str, str] = {}


@function_tool
def memory_put(key: str, value: str) -> str:
    """Remember a value under a key."""
    NOTES[key] = value
    return "stored"


@function_tool
def memory_get(key: str) -> str:
    """Return the value that was stored under a key."""
    return NOTES.get(key, "nothing")


agent = Agent(name="clerk", tools=[memory_put, memory_get])
print(Runner.run_sync(agent, sys.argv[1]).final_output)
print("notes:", NOTES)
