"""A ReAct agent of LangGraph over LangChain's client for OpenAI, without a line about LLMAgentOS.

aos run -- python examples/frameworks/langgraph_agent.py "Store 42 as budget"
"""

import sys

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.prebuilt import create_react_agent

NOTES: dict[str, str] = {}


@tool
def memory_put(key: str, value: str) -> str:
    """Remember a value under a key."""
    NOTES[key] = value
    return "stored"


@tool
def memory_get(key: str) -> str:
    """Return the value that was stored under a key."""
    return NOTES.get(key, "nothing")


agent = create_react_agent(ChatOpenAI(model="default"), [memory_put, memory_get])
state = agent.invoke({"messages": [("user", sys.argv[1])]})
print(state["messages"][-1].content)
print("notes:", NOTES)
