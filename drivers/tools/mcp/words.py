"""A stranger's words: without what is not to be seen, and no longer than they need be.

Interface:
    tidy            a text made fit for people and prompts
"""

from __future__ import annotations

import unicodedata


def tidy(text: str, most: int) -> str:
    """Return at most `most` characters without control, format and unassigned ones.

    Those hide words from people that a model reads: marks of direction, tags, escapes of terminals.
    """
    seen = "".join(
        one for one in text[: 2 * most] if one == "\n" or unicodedata.category(one)[0] != "C"
    ).strip()
    return seen if len(seen) <= most else f"{seen[: most - 1]}…"
