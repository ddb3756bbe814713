"""OpenAI's routes: a translation to the model's syscalls and back, nothing more."""
