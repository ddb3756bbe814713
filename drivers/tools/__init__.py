"""The tools driver: what agents act with, each call in its own bounds."""
