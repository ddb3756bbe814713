"""The agent runtime: runs agents that are declared in an `agent.toml`."""
