"""A ReAct agent of LangGraph over LangChain's client for OpenAI, without a line about LLMAgentOS.

aos run -- python examples/frameworks/langgraph_agent.py "Store 42 as budget"
"""

import sys

from langchain_openai import ChatOpenAI
from langgraph.prebuilt import create_react_agent
from notes import NOTES, memory_get, memory_put

agent = create_react_agent(ChatOpenAI(model="default"), [memory_put, memory_get])
state = agent.invoke({"messages": [("user", sys.argv[1])]})
print(state["messages"][-1].content)
print("notes:", NOTES)
