"""An agent of the OpenAI Agents SDK, without a line about LLMAgentOS.

aos run -- python examples/frameworks/agents_sdk.py "Store 42 as budget"
"""

import sys

from agents import Agent, Runner, function_tool
from notes import NOTES, memory_get, memory_put

agent = Agent(name="clerk", tools=[function_tool(memory_put), function_tool(memory_get)])
print(Runner.run_sync(agent, sys.argv[1]).final_output)
print("notes:", NOTES)
