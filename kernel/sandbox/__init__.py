"""The layers that hold an agent, each tried out after it is applied."""
