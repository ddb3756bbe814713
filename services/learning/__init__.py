"""Learning: datasets, training and evaluation."""
