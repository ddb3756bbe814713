"""How people ask for what stands in documents: kind, expression, mood and wording for `Grammar`.

Apart from `phrasing`, so that what the earlier parts of the course and the tokenizer are made of
stays as it was.

Interface:
    LOOKUPS         all of them
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .frames import FILE_IT, KEEP, STORE, TELL_IT, WRITE

__all__ = ["LOOKUPS"]

_FACT = (
    "the {attribute} of {thing}|the {attribute} of {thing}|{thing}'s {attribute}"
    "|{attribute} of {thing}|the {attribute} that {thing} has|the {attribute} for {thing}"
)
_OTHER = "the {attribute} of {thing2}|that of {thing2}|{thing2}'s {attribute}"
#: Noun phrases and orders for each expression over one fact and a number.
_ONE: Mapping[str, tuple[str, str]] = {
    "{0} + {n}": ("{x} plus {n}|{x} and {n} more|the sum of {x} and {n}", "add {n} to {x}"),
    "{0} - {n}": ("{x} minus {n}|{x} less {n}", "subtract {n} from {x}|take {n} from {x}"),
    "{0} * {n}": ("{x} times {n}|{n} times {x}", "multiply {x} by {n}"),
    "{0} / {n}": ("{x} divided by {n}|{x} over {n}", "divide {x} by {n}"),
    "{0} * {n} / 100": ("{n} percent of {x}|{n}% of {x}", "take {n} percent of {x}"),
}
#: The same over two facts.
_TWO: Mapping[str, tuple[str, str]] = {
    "{0} + {1}": (
        "{x} plus {y}|the sum of {x} and {y}|the total of {x} and {y}"
        "|the [total|combined] {attribute} of {thing} and {thing2}"
        "|the {attribute} of {thing} and {thing2} [together|combined|in total|taken together]"
        "|the {attribute} of {thing} and of {thing2} [together|combined|in total]",
        "add {x} to {y}|add up {x} and {y}|sum {x} and {y}",
    ),
    "{0} - {1}": (
        "{x} minus {y}|the difference between {x} and {y}"
        "|the difference in {attribute} between {thing} and {thing2}",
        "subtract {y} from {x}",
    ),
    "{0} * {1}": ("{x} times {y}|the product of {x} and {y}", "multiply {x} by {y}"),
    "{0} / {1}": ("{x} divided by {y}|the ratio of {x} to {y}", "divide {x} by {y}"),
}
_TOPIC = (
    "[search|look in|look through|check|go through] the [documents|files we have read|sources"
    "|library] for {topic}|<tell> what the [documents|sources|papers] say [about|on] {topic}"
    "|find {topic} in the [documents|sources]|look [up {topic}|{topic} up] in the [documents"
    "|sources|library]|<tell> what is [known|written] about {topic}|search for {topic} in the"
    " [documents|sources]|quote the documents on {topic}|see what the documents have on {topic}"
)
_TOPIC_ASKED = (
    "what do the [documents|sources|papers] say [about|on] {topic}|what is [written|said|known]"
    " about {topic} [|in the documents]|what do we know about {topic}|is there anything about"
    " {topic} in the documents|which document [mentions|speaks of|is about] {topic}|where is"
    " {topic} mentioned|what does the report say about {topic}|what can you find about {topic}"
    "|according to the documents, what about {topic}"
)


def _frames(kind: str, expression: str, nouns: str, orders: str = "") -> Iterator[tuple[str, ...]]:
    keep, store = KEEP.replace("{key}", "{target}"), STORE.replace("{key}", "{target}")
    np = f"[{nouns}]"
    verbs = "<tell>|<tell>|look up|find|find out|check" + ("|<calc>" if expression else "")
    yield kind, expression, "order", f"[[{verbs}] {np}]"
    yield kind, expression, "question", f"[<ask> {np}|<ask> {np}|{np}|do you know {np}]"
    yield f"{kind}_store", expression, "order", f"[{store.replace('{np}', np)}]"
    yield f"{kind}_store", expression, "order", f"[[look up|find|<ask>] {np} <then> [{keep}]]"
    yield f"{kind}_write", expression, "order", f"[{WRITE.replace('{np}', np)}]"
    yield f"{kind}_write", expression, "order", f"[[look up|find|<ask>] {np} <then> [{FILE_IT}]]"
    if orders:
        yield kind, expression, "order", f"[[{orders}] {TELL_IT}]"


def _all() -> Iterator[tuple[str, ...]]:
    yield from _frames("fact", "", _FACT)
    who = "who is <fact>|where is <fact>|when is <fact>|which is <fact>".replace(
        "<fact>", f"[{_FACT}]"
    )
    yield "fact", "", "question", f"[{who}]"
    for expression, phrases in _ONE.items():
        nouns, orders = (one.replace("{x}", f"[{_FACT}]") for one in phrases)
        yield from _frames("fact_compute", expression, nouns, orders)
    for expression, phrases in _TWO.items():
        nouns, orders = (
            one.replace("{x}", f"[{_FACT}]").replace("{y}", f"[{_OTHER}]") for one in phrases
        )
        yield from _frames("fact_two", expression, nouns, orders)
    yield "search", "", "order", f"[{_TOPIC}]"
    yield "search", "", "question", f"[{_TOPIC_ASKED}]"


LOOKUPS: tuple[tuple[str, ...], ...] = tuple(_all())
