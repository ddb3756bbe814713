"""Draws tasks from the grammar and prepares the worlds in which they make sense.

Interface:
    Sampler         seeded source of clauses and tasks
    HELDOUT_KINDS   what it draws only when asked to
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

from .builder import Builder
from .lookups import LOOKUPS
from .mix import DOCUMENTS, USUAL, Mix
from .noise import slip
from .phrasing import PRODUCTIONS, Production
from .tasks import REFUSAL, Clause, Task, pairs
from .vocabulary import Vocabulary
from .wording import AFFIXES, GRAMMAR, JOINERS
from .world import DISTRACTORS, KNOWLEDGE, SIGNATURES

__all__ = ["HELDOUT_KINDS", "SIMPLE_KINDS", "TALK", "Sampler"]

#: Kinds that only tests draw: each is a pair of tools that training never has.
HELDOUT_KINDS = ("time_write", "keys_write", "files_store")
SIMPLE_KINDS = ("compute", "store", "recall", "forget", "keys", "write", "read", "files", "time")

TALK = {
    "unknown": REFUSAL,
    "greet": "Hello! What can I do for you?",
    "thank": "You are welcome.",
    "about": "I am a small agent. I calculate, remember values and keep files.",
}
_SLOT = re.compile(r"\{(\w+)\}")
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
).split()
_TENS = "ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_SPELT = (
    {str(number): word for number, word in enumerate(_SMALL)}
    | {str(10 * number): word for number, word in enumerate(_TENS, start=1)}
    | {"100": "hundred", "1000": "a thousand"}
)
_ALL = (
    *PRODUCTIONS,
    *(Production(kind=k, expression=e, mood=m, text=t, dressed=0.3) for k, e, m, t in LOOKUPS),
)
_BY_KIND: dict[str, tuple[Production, ...]] = {
    kind: tuple(p for p in _ALL if p.kind == kind) for kind in {p.kind for p in _ALL}
}
_LIKELY: dict[str, tuple[float, ...]] = {
    kind: tuple(p.weight for p in productions) for kind, productions in _BY_KIND.items()
}


class Sampler:
    """Draws tasks; its memory and files persist, so that later tasks can refer to them."""

    def __init__(
        self,
        rng: random.Random,
        vocabulary: Vocabulary,
        *,
        slips: float = 0.0,
        mix: Mix = USUAL,
    ) -> None:
        self.rng = rng
        self.vocabulary = vocabulary
        self.mix = mix
        #: how often a person slips
        self.slips = slips
        #: the world that the next task starts in; whoever runs a task updates it
        self.memory: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self.facts: dict[tuple[str, str], str] = {}
        self.passages: list[str] = []

    def task(self, *, kinds: Sequence[str] = (), refuse: float | None = None) -> Task:
        """One task as in training: one clause, sometimes two or three."""
        rng, likely = self.rng, self.mix.weights
        share = self.mix.refuse if refuse is None else refuse
        while True:
            count = 1 if kinds else rng.choices((1, 2, 3), weights=self.mix.wishes)[0]
            clauses, texts = [], []
            for _ in range(count):
                pool = SIMPLE_KINDS if count > 1 and rng.random() < 0.8 else tuple(likely)
                names = kinds or pool
                if self.mix.documents and not kinds and rng.random() < self.mix.documents:
                    names = tuple(DOCUMENTS)
                weights = [likely.get(name) or DOCUMENTS.get(name, 1.0) for name in names]
                kind = rng.choices(names, weights=weights)[0]
                clause, text = self.clause(kind, affixes=count == 1)
                clauses.append(clause)
                texts.append(text)
            task = self.assemble(clauses, texts, refuse=share)
            talk = any(clause.kind in TALK for clause in clauses)
            if not (count > 1 and talk) and not pairs(task) & self.mix.unseen:
                return task

    def sequence(self, first: str, second: str) -> Task:
        """Two simple wishes in one request, whether or not the pair is held out."""
        made = [self.clause(kind, affixes=False) for kind in (first, second)]
        return self.assemble([m[0] for m in made], [m[1] for m in made], refuse=0.0)

    def assemble(self, clauses: Sequence[Clause], texts: Sequence[str], *, refuse: float) -> Task:
        """Joins clauses into one request and offers tools for it."""
        rng = self.rng
        prompt = texts[0].rstrip("?.! ") if len(texts) > 1 else texts[0]
        for place, text in enumerate(texts[1:], start=2):
            joiner = rng.choice(JOINERS)
            starts = joiner[0] in ".\n" and rng.random() < 0.5 and joiner in (". ", "\n")
            if starts and not _begins_with_entity(clauses[place - 1], text):
                text = text[:1].upper() + text[1:]
            prompt += joiner + (text if place == len(texts) else text.rstrip("?.! "))
        needed = list(dict.fromkeys(step.tool for c in clauses for step in c.steps))
        kind = ",".join(clause.kind for clause in clauses)
        tools = self._offer(needed)
        if self.mix.documents or not KNOWLEDGE.keys().isdisjoint(needed):
            tools = self._with_knowledge(tools, clauses, needed)
        if needed and rng.random() < refuse:
            missing = rng.choice(needed)
            tools, kind = tuple(tool for tool in tools if tool != missing), "refuse"
        self._fill_world()
        return Task(
            kind=kind, prompt=prompt, clauses=tuple(clauses), tools=tools,
            memory=dict(self.memory), files=dict(self.files), now=self.vocabulary.moment(),
            facts=dict(self.facts), passages=tuple(self.passages),
        )  # fmt: skip

    def _offer(self, needed: Sequence[str]) -> tuple[str, ...]:
        rng = self.rng
        offered = list(SIGNATURES)
        if rng.random() < 0.4:
            extra = [tool for tool in SIGNATURES if tool not in needed]
            offered = [*needed, *rng.sample(extra, rng.randint(0, len(extra)))]
        if rng.random() < 0.3:
            offered += rng.sample(list(DISTRACTORS), rng.randint(1, 4))
        if rng.random() < 0.1:
            offered.append(f"{self.vocabulary.word()}_{self.vocabulary.word()}")
        if rng.random() < 0.7:
            rng.shuffle(offered)
        return tuple(offered)

    def _with_knowledge(
        self, tools: tuple[str, ...], clauses: Sequence[Clause], needed: Sequence[str]
    ) -> tuple[str, ...]:
        """Offer what documents are asked with, where it is needed, and sometimes where not."""
        rng = self.rng
        offered = [tool for tool in tools if tool not in KNOWLEDGE]
        wanted = [tool for tool in KNOWLEDGE if tool in needed]
        # "What is the price of tea" may be asked of memory too, where a key is called so.
        if wanted or not _of(clauses):
            wanted += [tool for tool in KNOWLEDGE if tool not in needed and rng.random() < 0.4]
        for tool in wanted:
            offered.insert(rng.randint(0, len(offered)), tool)
        return tuple(offered)

    def _fill_world(self) -> None:
        """Things that no one asked about."""
        rng, words = self.rng, self.vocabulary
        for _ in range(rng.choice((0, 0, 1, 2, 3)) - len(self.memory) // 3):
            self.memory.setdefault(words.key(), words.value())
        for _ in range(rng.choice((0, 0, 1, 2)) - len(self.files) // 3):
            self.files.setdefault(words.path(), words.value())

    def clause(
        self, kind: str, *, affixes: bool = True, phrase: tuple[str, str] | None = None
    ) -> tuple[Clause, str]:
        """One wish and its words, from the grammar or from a given (expression, template)."""
        rng = self.rng
        if phrase is None:
            production = rng.choices(_BY_KIND[kind], weights=_LIKELY[kind])[0]
            expression = production.expression
            template = GRAMMAR.expand(production.text, rng)
            while rng.random() < self.slips:
                template = slip(template, rng)
            dressed = affixes and rng.random() < production.dressed
            template = self._style(template, production.mood, dressed)
        else:
            expression, template = phrase
        slots = self._draw(kind, expression, template)
        text = _SLOT.sub(lambda match: self._written(match[1], slots[match[1]]), template)
        return self._build(kind, expression, slots), text

    def _style(self, core: str, mood: str, affixes: bool) -> str:
        rng = self.rng
        text = core
        if affixes:
            before, after = (GRAMMAR.expand(affix, rng) for affix in AFFIXES[mood])
            text = f"{before} {core}{'' if after[:1] in ',.' else ' '}{after}".strip()
        style = rng.random()
        if style < 0.45:
            text = text[:1].upper() + text[1:]
        elif style < 0.65:
            text = text.lower()
        if rng.random() < 0.3:
            text = text.replace("what's", "whats").replace("I'd", "Id")
        end = {"order": ("", "", ".", ".", "!"), "question": ("?", "?", "?", "", ""),
               "statement": ("", ".")}[mood]  # fmt: skip
        return text + rng.choice(end)

    def _written(self, slot: str, text: str) -> str:
        """A slot as a person may type it."""
        rng = self.rng
        if slot in ("a", "b", "c", "n"):
            if text in _SPELT and rng.random() < 0.12:
                return _SPELT[text]
            if text.isdigit() and len(text) > 3 and rng.random() < 0.03:
                return f"{int(text):,}"
            return text
        often = 0.4 if " " in text else 0.08
        if slot in ("word",) or rng.random() > often:
            return text
        quote = rng.choice(("\"", "\"", "'", "`"))  # fmt: skip
        return f"{quote}{text}{quote}"

    def _draw(self, kind: str, expression: str, template: str) -> dict[str, str]:
        """Values of all slots; the world gets what the task needs to find."""
        words, rng = self.vocabulary, self.rng
        draws: Mapping[str, Callable[[], str]] = {
            "a": words.number, "b": words.number, "c": words.number, "n": words.number,
            "key": words.key, "key2": words.key, "target": words.key, "path": words.path,
            "path2": words.path, "value": words.value, "text": words.value, "word": words.word,
            "thing": words.thing, "thing2": words.thing, "attribute": words.attribute,
            "topic": lambda: words.thing() if rng.random() < 0.6 else words.words(1, 3),
        }  # fmt: skip
        slots: dict[str, str] = {}
        # numbers first: prompts fill them in expression order, whatever the wording
        for slot in dict.fromkeys(_SLOT.findall(expression) + _SLOT.findall(template)):
            if not slot.isdigit():
                while (text := draws[slot]()) in slots.values():
                    pass
                slots[slot] = text
        if rng.random() < 0.02 and "/ {b}" in expression and expression.count("/") == 1:
            slots["b"] = "0"
        self._reuse(kind, slots)
        numeric = kind.startswith(
            ("recall_compute", "recall_two", "update", "read_compute", "fact_compute", "fact_two")
        )
        found = rng.random() < 0.88
        if kind.startswith(("fact", "search")):
            self._write_documents(slots, numeric or rng.random() < 0.4, found)
        source = (kind.startswith(("recall", "forget", "rename", "update"))) and found
        for slot in ("key", "key2") if kind.startswith("recall_two") else ("key",):
            if source and slot in slots and (numeric or slots[slot] not in self.memory):
                self.memory[slots[slot]] = words.number() if numeric else words.value()
            elif not found and kind.startswith(("recall", "forget", "rename", "update")):
                self.memory.pop(slots.get(slot, ""), None)
        if kind.startswith("read") and (found or numeric):
            self.files[slots["path"]] = words.number() if numeric else words.value()
        return slots

    def _write_documents(self, slots: Mapping[str, str], numeric: bool, found: bool) -> None:
        """Let documents say what a task needs to find, or nothing of it."""
        words, rng = self.vocabulary, self.rng
        for slot in ("thing", "thing2"):
            if slot in slots:
                place = (slots[slot], slots["attribute"])
                self.facts.pop(place, None)
                if found:
                    self.facts[place] = words.number() if numeric else words.value()
        if (topic := slots.get("topic")) is not None:
            self.passages = [one for one in self.passages if topic.lower() not in one.lower()]
            if found:
                self.passages += [words.passage(topic) for _ in range(rng.choice((1, 1, 2, 3, 3)))]

    def _reuse(self, kind: str, slots: dict[str, str]) -> None:
        """Sometimes speaks of what is there already."""
        rng = self.rng
        if "key" in slots and self.memory and rng.random() < 0.3:
            key = rng.choice(sorted(self.memory))
            if key not in slots.values():
                slots["key"] = key
        if "path" in slots and self.files and rng.random() < 0.3:
            path = rng.choice(sorted(self.files))
            if path not in slots.values():
                slots["path"] = path

    def _build(self, kind: str, expression: str, slots: Mapping[str, str]) -> Clause:
        if kind in TALK:
            return Clause(kind=kind, steps=(), answer=(TALK[kind],))
        base, _, places = kind.partition("_")
        if base in ("recall", "read", "fact") and places.startswith(("compute", "two")):
            places = places.partition("_")[2]
        builder = Builder(slots, store="store" in places, write="write" in places)
        return builder.build(kind, base, expression)


def _of(clauses: Sequence[Clause]) -> bool:
    """Whether a key is called as an attribute of something is."""
    texts = (
        part
        for clause in clauses
        for step in clause.steps
        for _, parts in step.arguments
        for part in parts
        if isinstance(part, str)
    )
    return any(" of " in text or "'s " in text for text in texts)


def _begins_with_entity(clause: Clause, text: str) -> bool:
    """Whether a sentence's first word is a name, which would be another one with a capital."""
    names = (
        part
        for step in clause.steps
        for _, parts in step.arguments
        for part in parts
        if isinstance(part, str) and part
    )
    return any(map(text.startswith, names))
