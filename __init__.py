"""LLMAgentOS: an operating system for LLM agents. The repository root is this package."""

__version__ = "0.1.0"
