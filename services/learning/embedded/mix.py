"""What a part of the training run is made of: the bulk, then a polish with what is rare in it.

Interface:
    Mix             shares and limits of what is drawn
    BULK, POLISH    the two
    SCHOOLING       a third part, in which it learns to look things up in documents
    REVISION        a fourth, in which it goes over all that it has learnt
    USUAL           what the suites draw
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

__all__ = ["BULK", "DOCUMENTS", "HELDOUT_PAIRS", "POLISH", "REVISION", "SCHOOLING", "USUAL", "Mix"]

#: Tools that never follow each other in training.
HELDOUT_PAIRS: frozenset[tuple[str, str]] = frozenset(
    {
        ("clock", "file_write"),
        ("memory_list", "file_write"),
        ("file_list", "memory_put"),
        ("memory_delete", "file_write"),
        ("calculator", "memory_delete"),
        ("file_read", "memory_delete"),
        ("memory_put", "clock"),
        ("file_write", "memory_get"),
        ("file_list", "memory_get"),
    }
)
#: How often each kind is drawn.
_WEIGHTS: Mapping[str, float] = {
    "compute": 10, "compute_store": 6, "compute_write": 5, "compute_store_write": 1,
    "recall_compute": 6, "recall_compute_store": 4, "recall_compute_write": 3,
    "recall_compute_store_write": 0.4, "recall_two": 4, "recall_two_store": 2,
    "recall_two_write": 1.5, "recall_two_store_write": 0.3, "store": 12, "recall": 8, "forget": 5,
    "keys": 3, "write": 7, "read": 6, "files": 3, "time": 3, "time_store": 3, "keys_store": 2,
    "files_write": 2, "read_store": 5, "recall_write": 5, "recall_store": 3, "read_write": 4,
    "rename": 2, "update+": 2, "update-": 2, "unknown": 2, "greet": 0.4, "thank": 0.4, "about": 0.6,
}  # fmt: skip

#: The same for kinds that are about documents.
DOCUMENTS: Mapping[str, float] = {
    "fact": 14, "fact_store": 3, "fact_write": 3, "fact_compute": 6, "fact_compute_store": 2,
    "fact_compute_write": 1.5, "fact_two": 6, "fact_two_store": 2, "fact_two_write": 1,
    "search": 10,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What is drawn, and how often."""

    weights: Mapping[str, float]
    #: Pairs of tools that do not occur.
    unseen: frozenset[tuple[str, str]]
    #: Share of tasks that lack a tool.
    refuse: float = 0.05
    #: Share of entities' words that are words of the phrasings, which are one token each.
    common: float = 0.0
    #: How often a request has one, two and three wishes.
    wishes: tuple[float, float, float] = (82, 15, 3)
    #: Share of tasks that are about documents, and of the others that offer the tools for it.
    documents: float = 0.0


BULK = Mix(weights=_WEIGHTS, unseen=HELDOUT_PAIRS | {("file_read", "calculator")})
USUAL = Mix(weights={**_WEIGHTS, "read_compute": 5}, unseen=HELDOUT_PAIRS)
POLISH = replace(USUAL, refuse=0.07, common=0.2, wishes=(70, 22, 8))
SCHOOLING = replace(POLISH, documents=0.4)
REVISION = replace(POLISH, documents=0.2)
