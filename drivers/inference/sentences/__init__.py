"""Sentence models: encoders that turn texts into vectors, and do nothing else."""
