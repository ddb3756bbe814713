"""The embedded model: generated tasks, a tokenizer, training and evaluation.

The small causal LM in `drivers/inference/embedded/` is made here, from a seed.  It
parses a narrow domain of requests into tool calls and copies arguments; it is not a
general model.  Importing this package imports neither torch nor transformers.
"""
