"""Learning: jobs that train models, the models they make, and which of these answers."""
