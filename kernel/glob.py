"""Patterns in which `*` stands for any run of characters, and nothing else is special.

Interface:
    matches         whether a text is of a pattern
    overlap         whether some text is of two patterns
"""

from __future__ import annotations


def matches(pattern: str, text: str) -> bool:
    """Whether a text is of a pattern; takes no longer than the text is, whatever the pattern."""
    head, *rest = pattern.split("*")
    if not rest:
        return head == text
    *middle, tail = rest
    at, end = len(head), len(text) - len(tail)
    if end < at or not (text.startswith(head) and text.endswith(tail)):
        return False
    for part in middle:
        # The first place is as good as any: what comes after has the most room.
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def overlap(one: str, other: str) -> bool:
    """Whether some text is of both patterns."""
    # By place in `one`: where in `other` the same text may have led.
    places = {0}
    for character in (*one, None):
        places = _past_stars(other, places)
        if character is None:
            return len(other) in places
        if character == "*":
            places = set(range(min(places), len(other) + 1))
        else:
            places = {
                at if other[at] == "*" else at + 1
                for at in places
                if at < len(other) and other[at] in (character, "*")
            }
        if not places:
            return False
    return False


def _past_stars(pattern: str, places: set[int]) -> set[int]:
    """Return the places with those that stars which stand for nothing lead to."""
    found = set(places)
    for at in sorted(places):
        while at < len(pattern) and pattern[at] == "*":
            at += 1
            found.add(at)
    return found
