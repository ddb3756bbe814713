"""Compiling grammars to what masks a model's next token, by llguidance.

Interface:
    Compiler        one for each model; any thread may use it
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection
from typing import Any

from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper

from ....syscalls.errors import InvalidArgument
from ....syscalls.model import Grammar
from ..toolcalls import signatures
from . import lark, trial
from .callmatcher import CallMatcher, Must
from .matcher import GrammarMatcher
from .vocabulary import Vocabulary

#: Characters of a grammar, and compiled ones that are kept.
LONGEST, KEPT = 128 * 1024, 32
_LIMITS = LLParserLimits(**trial.LIMITS)
#: A schema for any arguments.
_ANY = lark.inline({"type": "object"})


class Compiler:
    """Compiles grammars for one model's tokens and keeps the latest, right or wrong."""

    def __init__(self, tokenizer: Any, ends: Collection[int] = ()) -> None:
        """Read a tokenizer of transformers; `ends` are the tokens that end a reply besides its own.

        Raises `InvalidArgument` for a tokenizer that no grammar can be compiled for.
        """
        self._vocabulary = Vocabulary(tokenizer, ends)
        self._tokenizer = LLTokenizer(
            _Wrapper(self._vocabulary), eos_token=sorted(self._vocabulary.ends) or None
        )
        self._kept: OrderedDict[str, LLMatcher | str] = OrderedDict()
        self._lock = threading.Lock()

    def compile(self, grammar: Grammar) -> GrammarMatcher:
        """Return a matcher for a whole reply. Blocking; usually a few milliseconds.

        Raises `InvalidArgument` naming what cannot be compiled.
        """
        return self._matcher(lark.reply(grammar, self._vocabulary.strips))

    def calls(self, tools: list[dict[str, Any]], force: bool | str = False) -> CallMatcher:
        """Return a matcher for a reply that may call tools, which are OpenAI's function schemas.

        With `force` it begins with a call of any tool, or is one of the tool of that name. A tool
        whose schema cannot be compiled is held to what of it can be, and is noted as `loose`.
        Raises `InvalidArgument` for what is no tool, and a name that none has.
        """
        schemas = signatures(tools)
        if isinstance(force, str):
            schemas = {name: one for name, one in schemas.items() if name == force}
        if not schemas:
            raise InvalidArgument("there is no tool" + (f" {force}" if force else ""))
        start, loose = self._call(schemas)
        must = Must.BE if isinstance(force, str) else Must.BEGIN if force else Must.NOT
        return CallMatcher(start, self._vocabulary, self._tokenizer.greedy_tokenize, must, loose)

    def _call(self, schemas: dict[str, Any]) -> tuple[GrammarMatcher, dict[str, str]]:
        """Return the matcher of a call, and which schemas it does not hold to and why."""
        texts = {name: lark.inline(one) for name, one in schemas.items()}
        try:
            return self._matcher(lark.call(texts)), {}
        except InvalidArgument as error:
            reason = error.message
        loose: dict[str, str] = {}
        for name, schema in schemas.items():
            if fault := self._fault(texts[name]):
                loose[name] = fault
                texts[name] = lark.inline(schema, lenient=True)
                if self._fault(texts[name]):
                    texts[name] = _ANY
        try:
            return self._matcher(lark.call(texts)), loose
        except InvalidArgument:  # each may be right by itself, but they are too many
            start = self._matcher(lark.call(dict.fromkeys(schemas, _ANY)))
            return start, dict.fromkeys(schemas, reason) | loose

    def _fault(self, schema: str) -> str | None:
        """Return what is wrong with a schema."""
        try:
            self._matcher(lark.value(schema))
        except InvalidArgument as error:
            return error.message
        return None

    def _matcher(self, text: str) -> GrammarMatcher:
        with self._lock:
            inner = self._kept.get(text)
            if inner is not None:
                self._kept.move_to_end(text)
        if inner is None:
            inner = self._build(text)
            with self._lock:
                self._kept[text] = inner
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        if isinstance(inner, str):
            raise InvalidArgument(inner)

        def failed() -> None:
            # What has made it fail stays in the lexer that all copies share.
            with self._lock:
                self._kept.pop(text, None)

        return GrammarMatcher(
            inner.deep_copy(), self._tokenizer.vocab_size, self._vocabulary.ends, failed
        )

    def _build(self, text: str) -> LLMatcher | str:
        """Return a grammar at its beginning, or what is wrong with it."""
        if len(text) > LONGEST:
            return f"the grammar is longer than {LONGEST} characters"
        if trial.doubtful(text) and not trial.holds(text):
            return "the grammar takes too much time or memory to compile"
        inner = LLMatcher(self._tokenizer, text, log_level=0, limits=_LIMITS)
        if inner.is_error():
            # The lines that show the grammar would only repeat what was asked for.
            said = inner.get_error().partition("\n   1 | ")[0]
            return f"the grammar cannot be compiled: {' '.join(said.split())[:300]}"
        return inner


class _Wrapper(TokenizerWrapper):
    """What llguidance reads of a tokenizer."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.is_tokenizer_wrapper = True
        # Where there is none, llguidance adds one of its own behind the others.
        self.eos_token_id = min(vocabulary.ends, default=None)  # type: ignore[assignment]
        self.bos_token_id = None
        self.tokens = vocabulary.tokens
        self.special_token_ids = []
