"""How people may ask for each kind of task, in training.

Half of what is drawn comes from a grammar, half from phrases that were written by hand.

Interface:
    Production      kind, expression, mood and text
    PRODUCTIONS     every noun phrase in every frame that fits it, and the written ones
    produces        whether words belong to them
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from .fixed import FIXED
from .frames import ASK_ORDER, ASK_QUESTION, FILE_IT, KEEP, LOOK, READ, STORE, TELL_IT, WRITE
from .grammar import Memory, skeleton
from .nouns import (
    AVERAGE,
    FILE,
    FILES,
    KEYS,
    OPERAND,
    OPERATIONS,
    PERCENT,
    RECALL,
    SUM_OF_THREE,
    TIME,
)
from .wording import AFFIXES, GRAMMAR
from .written import read

__all__ = ["PRODUCTIONS", "Production", "produces"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Production:
    """Many ways to ask for one kind of task."""

    #: the kind of task
    kind: str
    #: the calculator expression that is meant, with slots; empty where none is needed
    expression: str
    #: `order`, `question` or `statement`: decides what may stand around it
    mood: str
    #: text in the language of `Grammar`
    text: str
    #: how often it is drawn, beside the others of its kind
    weight: float = 1.0
    #: how often something stands around it (`AFFIXES`)
    dressed: float = 0.4


#: how an operator is spoken between two operands
_INFIX: Mapping[str, str] = {
    "+": "plus|+|plus|and then plus", "-": "minus|-|minus|less",
    "*": "times|*|times|x|multiplied by", "/": "divided by|/|over",
}  # fmt: skip
#: a second operation on what there is already
_THEN: Mapping[str, str] = {
    "+": "add {n} [|to it|to that|to the result]|plus {n}|add {n} more",
    "-": "subtract {n} [|from it|from that|from the result]|take away {n}|minus {n}"
    "|take {n} [off|away]",
    "*": "multiply [it|that|the result|] [by|with] {n}|times {n}",
    "/": "divide [it|that|the result|] by {n}",
}


def _over(phrases: str, x: str, y: str) -> str:
    return phrases.replace("{x}", x).replace("{y}", y)


def _frames(kind: str, expression: str, nouns: str, orders: str = "") -> Iterator[Production]:
    """Everything that can be done with one computed value."""

    def production(suffix: str, mood: str, text: str) -> Production:
        return Production(kind=kind + suffix, expression=expression, mood=mood, text=f"[{text}]")

    np = f"[{nouns}]"
    keep, store = KEEP, STORE
    if kind != "compute":
        keep, store = keep.replace("{key}", "{target}"), store.replace("{key}", "{target}")
    yield production("", "order", ASK_ORDER.replace("{np}", np))
    yield production("", "question", ASK_QUESTION.replace("{np}", np))
    yield production("_store", "order", store.replace("{np}", np))
    yield production("_store", "order", f"[<calc>|<ask>] {np} <then> [{keep}]")
    yield production("_write", "order", WRITE.replace("{np}", np))
    yield production("_write", "order", f"[<calc>|<ask>] {np} <then> [{FILE_IT}]")
    yield production("_store_write", "order", f"<calc> {np}, [{keep}] <then> [{FILE_IT}]")
    if orders:
        yield production("", "order", f"[{orders}] {TELL_IT}")
        yield production("", "question", f"<outcome> if I [{orders}]|if I [{orders}], <outcome>")
        yield production("_store", "order", f"[{orders}] <then> [{keep}]")
        yield production("_write", "order", f"[{orders}] <then> [{FILE_IT}]")


def _two_operands() -> Iterator[Production]:
    """Each operation over literals, over memory and a literal, over memory twice."""
    bare = f"[{OPERAND}]"
    second = bare.replace("{key}", "{key2}")
    for pattern, (nouns, orders) in OPERATIONS.items():
        of_literals = [_over(phrases, "{a}", "{b}") for phrases in (nouns, orders)]
        yield from _frames("compute", _over(pattern, "{a}", "{b}"), *of_literals)
        if pattern == "{x} * {x}":
            continue
        mine, more = nouns, orders
        if "{y}" in pattern:
            more += f"|{LOOK} <then> [{_THEN[pattern[4]].replace('{n}', '{y}')}]"
        if "*" in pattern and "{y}" in pattern:
            mine += "|{y} times {x}|{y} times as much as {x}"
        over = [_over(phrases, bare, "{n}") for phrases in (mine, more)]
        yield from _frames("recall_compute", _over(pattern, "{0}", "{n}"), *over)
        if "{y}" not in pattern:
            continue
        both = [_over(phrases, bare, second) for phrases in (nouns, orders)]
        if "+" in pattern:
            both[1] += f"|{LOOK} and {{key2}} <then> [add them|add them up|sum them|sum both]"
        yield from _frames("recall_two", _over(pattern, "{0}", "{1}"), *both)
    yield from _frames("compute", "{a} * {b} / 100", _over(PERCENT, "{a}", "{b}"))
    yield from _frames("compute", "({a} + {b}) / 2", _over(AVERAGE, "{a}", "{b}"))
    yield from _frames("recall_compute", "{0} * {n} / 100", _over(PERCENT, bare, "{n}"))


def _three_operands() -> Iterator[Production]:
    yield from _frames("compute", "{a} + {b} + {c}", *SUM_OF_THREE)
    yield from _frames(
        "compute",
        "{a} * {b} * {c}",
        "the product of {a}, {b} and {c}",
        "multiply {a}, {b} and {c}|multiply {a} by {b} and by {c}",
    )
    for one, words in _INFIX.items():
        for two, others in _INFIX.items():
            infix = f"{{a}} [{words}] {{b}} [{others}] {{c}}"
            yield from _frames("compute", f"{{a}} {one} {{b}} {two} {{c}}", infix)
            inner = _over(OPERATIONS[f"{{x}} {one} {{y}}"][1], "{a}", "{b}")
            outer = _THEN[two].replace("{n}", "{c}")
            grouped = f"({{a}} {one} {{b}}) {two} {{c}}|({{a}}{one}{{b}}){two}{{c}}"
            if one in "+-":
                grouped += f"|the result of {{a}} [{words}] {{b}}, [{others}] {{c}}"
            orders = f"[{inner}] <then> [{outer}]"
            yield from _frames("compute", f"({{a}} {one} {{b}}) {two} {{c}}", grouped, orders)


def _flows() -> Iterator[Production]:
    """Texts that go from one place to another without a sum."""
    keep2, file2 = KEEP.replace("{key}", "{key2}"), FILE_IT.replace("{path}", "{path2}")
    store2, write2 = STORE.replace("{key}", "{key2}"), WRITE.replace("{path}", "{path2}")
    copied = FILE.replace("|[the file|file|] {path}", "|the file {path}")
    flows = (
        ("time_store", STORE, TIME), ("keys_store", STORE, KEYS), ("files_write", WRITE, FILES),
        ("read_store", STORE, FILE), ("recall_write", WRITE, RECALL),
        ("recall_store", store2, RECALL), ("read_write", write2, copied),
        # the pairs below are held out: only tests draw from them
        ("time_write", WRITE, TIME), ("keys_write", WRITE, KEYS), ("files_store", STORE, FILES),
    )  # fmt: skip
    spoken = (
        ("time_store", f"<lookup> [{TIME}] <then> [{KEEP}]|check the clock <then> [{KEEP}]"),
        ("recall_write", f"{LOOK} <then> [{FILE_IT}]"),
        ("recall_store", f"{LOOK} <then> [{keep2}]"),
        ("recall_store", f"[copy|duplicate] [{{key}}|{RECALL}] [to|as|into|under] {{key2}}"),
        ("read_store", f"[{READ}] <then> [{KEEP}]"),
        ("read_write", f"[{READ}] <then> [{file2}]"),
        ("read_write", "[copy|duplicate] [|the file|the text of] {path} [to|into|as]"
                       " [|the file|a file called] {path2}"),
    )  # fmt: skip
    for kind, frame, source in flows:
        text = f"[{frame.replace('{np}', f'[{source}]')}]"
        yield Production(kind=kind, expression="", mood="order", text=text)
    for kind, text in spoken:
        yield Production(kind=kind, expression="", mood="order", text=f"[{text}]")


def _held_out() -> Iterator[Production]:
    """Sums over a file's number: a composition that only tests draw from."""
    file = f"[{FILE.replace('|[the file|file|] {path}', '')}|the number in {{path}}]"
    for pattern in ("{x} + {y}", "{x} - {y}", "{x} * {y}", "{x} / {y}"):
        nouns, orders = (_over(phrases, file, "{n}") for phrases in OPERATIONS[pattern])
        asked = ASK_ORDER.replace("{np}", f"[{nouns}]")
        yield Production(
            kind="read_compute",
            expression=_over(pattern, "{0}", "{n}"),
            mood="order",
            text=f"[{asked}|[{orders}] {TELL_IT}]",
        )


def _grammar() -> Iterable[Production]:
    yield from _two_operands()
    # Three operands make many productions; two are asked for more often.
    yield from (replace(one, weight=0.08) for one in _three_operands())
    for kind, mood, text in FIXED:
        yield Production(kind=kind, expression="", mood=mood, text=f"[{text}]")
    yield from _flows()
    yield from _held_out()


def _with_written(grammar: Iterable[Production]) -> Iterator[Production]:
    """The grammar with the written phrases, which together weigh as much for each kind."""
    total: defaultdict[str, float] = defaultdict(float)
    phrases = read("training")
    count = Counter(phrase.kind for phrase in phrases)
    for production in grammar:
        total[production.kind] += production.weight
        yield production
    for phrase in phrases:
        yield Production(
            kind=phrase.kind,
            expression=phrase.expression,
            mood="question" if phrase.template.endswith("?") else "order",
            text=phrase.template.rstrip("?.!"),
            weight=total[phrase.kind] / count[phrase.kind],
            dressed=0.15,
        )


PRODUCTIONS: tuple[Production, ...] = tuple(_with_written(_grammar()))


def produces(template: str) -> bool:
    """Whether some production, with what may stand around it, has the words of a template."""
    words = tuple(skeleton(template).split())
    memory: Memory = {}
    for mood, (before, after) in AFFIXES.items():
        starts = GRAMMAR.ends(before, words, (0,), memory)
        for production in PRODUCTIONS:
            if production.mood == mood:
                ends = GRAMMAR.ends(production.text, words, starts, memory)
                if len(words) in GRAMMAR.ends(after, words, ends, memory):
                    return True
    return False
