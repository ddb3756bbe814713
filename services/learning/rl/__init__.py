"""Reinforcement learning over macro-actions: Q-learning, policy gradient, environments."""
