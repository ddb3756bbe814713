"""A thousand kill -9 at random moments, and what has become of everything afterwards."""
