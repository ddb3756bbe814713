"""Two tools of the agents in this folder, as plain functions."""

NOTES: dict[str, str] = {}


def memory_put(key: str, value: str) -> str:
    """Remember a value under a key."""
    NOTES[key] = value
    return "stored"


def memory_get(key: str) -> str:
    """Return the value that was stored under a key."""
    return NOTES.get(key, "nothing")
