"""Pretraining: causal, masked, masked with next sentences, sequence to sequence."""
