"""Reinforcement learning of the language model from its own agents' episodes."""
