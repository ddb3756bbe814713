"""Compiling grammars to what masks a model's next token, by llguidance.

Interface:
    Compiler        one for each model; any thread may use it
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper

from ....syscalls.errors import InvalidArgument
from ....syscalls.model import Grammar
from ..toolcalls import signatures
from . import lark, trial
from .callmatcher import CallMatcher, Must
from .kept import Kept
from .matcher import GrammarMatcher
from .vocabulary import Vocabulary

#: Characters of a grammar, compiled ones that are kept, and doubtful tools of a request.
LONGEST, KEPT, TRIALS = 128 * 1024, 32, 4
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
        #: By their texts: grammars at their beginning, or what is wrong with them.
        self._grammars: Kept[LLMatcher | str] = Kept(KEPT)
        #: By the grammars of calls as they should be: those that can be compiled instead.
        self._calls: Kept[tuple[str, dict[str, str]]] = Kept(KEPT)

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
        strict = lark.call({name: lark.inline(one) for name, one in schemas.items()})
        if len(strict) > LONGEST:
            text, loose = self._loosened(strict, schemas)
        else:
            text, loose = self._calls.get(strict, lambda: self._loosened(strict, schemas))
        must = Must.BE if isinstance(force, str) else Must.BEGIN if force else Must.NOT
        spell = self._tokenizer.greedy_tokenize
        return CallMatcher(self._matcher(text), self._vocabulary, spell, must, loose)

    def _loosened(self, strict: str, schemas: dict[str, Any]) -> tuple[str, dict[str, str]]:
        """Return the grammar of a call, and which schemas it does not hold to and why."""
        if not (reason := self._fault(strict)):
            return strict, {}
        texts: dict[str, str] = {}
        loose: dict[str, str] = {}
        doubts = 0
        for name, schema in schemas.items():
            texts[name] = lark.inline(schema)
            doubts += trial.doubtful(lark.value(texts[name]))
            if doubts > TRIALS:
                loose[name], texts[name] = reason, _ANY
            elif fault := self._fault(lark.value(texts[name])):
                lenient = lark.inline(schema, lenient=True)
                loose[name] = fault
                texts[name] = _ANY if self._fault(lark.value(lenient)) else lenient
        if not self._fault(text := lark.call(texts)):
            return text, loose
        # Each may be right by itself, but they are too many.
        return lark.call(dict.fromkeys(schemas, _ANY)), dict.fromkeys(schemas, reason) | loose

    def _fault(self, text: str) -> str | None:
        """Return what is wrong with a grammar."""
        found = self._found(text)
        return found if isinstance(found, str) else None

    def _matcher(self, text: str) -> GrammarMatcher:
        found = self._found(text)
        if isinstance(found, str):
            raise InvalidArgument(found)
        return GrammarMatcher(
            found.deep_copy(),
            self._tokenizer.vocab_size,
            self._vocabulary.ends,
            # What has made it fail stays in the lexer that all copies share.
            failed=lambda: self._grammars.drop(text),
        )

    def _found(self, text: str) -> LLMatcher | str:
        """Return a grammar at its beginning, or what is wrong with it."""
        if len(text) > LONGEST:
            return f"the grammar is longer than {LONGEST} characters"
        return self._grammars.get(text, lambda: self._build(text))

    def _build(self, text: str) -> LLMatcher | str:
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
