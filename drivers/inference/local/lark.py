"""Grammars as llguidance reads them: a dialect of Lark over a reply's bytes.

JSON is written lean: no white space but one space after a comma or a colon, if the model likes. An
object's properties come in the order of their schema.

Interface:
    reply           the grammar of a whole reply
    call            that of a tool call behind its opening mark
    value           that of a JSON value
    inline          a JSON schema as the others hold it
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from llguidance import regex_to_lark

from ....syscalls.errors import InvalidArgument
from ....syscalls.model import Grammar
from ..toolcalls import CLOSE

#: A reply's bytes are what counts: how they are cut into tokens is the model's own choice.
_HEAD = '%llguidance {"no_forcing": true}\n'
_WRITTEN = {
    "item_separator": ", ?",
    "key_separator": ": ?",
    "whitespace_flexible": False,
    "json_allow_general_unicode_escapes": True,
}
_FORMATS = frozenset(
    ("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid")
)
#: Keywords whose values are no schemas.
_VALUES = frozenset(("const", "default", "enum", "examples"))


def reply(grammar: Grammar, strips: bool) -> str:
    """Return the grammar of a whole reply; `strips` says whether the decoder leaves out a space at
    its beginning. Raises `InvalidArgument` naming what is wrong with it."""
    if len(grammar) != 1 or not grammar.keys() <= _KINDS.keys():
        given = ", ".join(grammar) or "nothing"
        raise InvalidArgument(f"a grammar is one of {', '.join(_KINDS)}; given is {given}")
    [(kind, wanted)] = grammar.items()
    try:
        text = _KINDS[kind](wanted, strips)
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument(f"the {kind} holds half a character: {error}") from error
    return text


def call(arguments: Mapping[str, str]) -> str:
    """Return what follows an opening mark; `arguments` are inline schemas by tool."""
    names = [f"call_{place}" for place in range(len(arguments))]
    lines = [f"start: ({' | '.join(names)}) END", f'END: /\\n?/ "{CLOSE}"']
    for place, (name, schema) in enumerate(arguments.items()):
        written = json.dumps(json.dumps(name, ensure_ascii=False), ensure_ascii=False)
        lines.append(f'call_{place}: HEAD_{place} %json {schema} "}}"')
        lines.append(f'HEAD_{place}: /\\n?\\{{"name": ?/ {written} /, ?"arguments": ?/')
    return _HEAD + "\n".join(lines) + "\n"


def value(schema: str, strips: bool = False) -> str:
    """Return the grammar of a value by its inline schema."""
    return f"{_HEAD}start: {'/ ?/ ' if strips else ''}%json {schema}\n"


def inline(schema: Any, lenient: bool = False) -> str:
    """Return a JSON schema as it stands within a grammar; a `lenient` one leaves out what
    llguidance cannot hold to. Raises `InvalidArgument`."""
    if not isinstance(schema, dict):
        raise InvalidArgument(f"a JSON schema is an object, not {type(schema).__name__}")
    try:
        written = {**_remarked(schema), "x-guidance": {**_WRITTEN, "lenient": lenient}}
        return json.dumps(written, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"the JSON schema is no JSON: {error}") from error


def _remarked(schema: Any) -> Any:
    """Return a schema without unknown formats, which are no more than remarks (JSON Schema
    2020-12, Validation, section 7.2)."""
    if isinstance(schema, list):
        return [_remarked(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = ((key, one) for key, one in schema.items() if key != "format" or _known(one))
    return {key: one if key in _VALUES else _remarked(one) for key, one in kept}


def _known(form: Any) -> bool:
    return not isinstance(form, str) or form in _FORMATS


def _json_schema(schema: Any, strips: bool) -> str:
    return value(inline(schema), strips)


def _regex(pattern: Any, strips: bool) -> str:
    if not isinstance(pattern, str):
        raise InvalidArgument(f"a regex is a text, not {type(pattern).__name__}")
    return _whole(f"/{regex_to_lark(pattern, 'd')}/", strips)


def _choice(texts: Any, strips: bool) -> str:
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise InvalidArgument("a choice is a list of texts")
    if not texts:
        raise InvalidArgument("a choice has at least one text")
    return _whole(" | ".join(json.dumps(one, ensure_ascii=False) for one in texts), strips)


def _whole(terminal: str, strips: bool) -> str:
    """Return the grammar of a terminal. Where the decoder leaves out a space, there may be one
    more, and where the text begins with one, there is."""
    written = '" " TEXT | TEXT & /([^ ](?s:.*))?/' if strips else "TEXT"
    return f"{_HEAD}start: REPLY\nREPLY: {written}\nTEXT: {terminal}\n"


_KINDS: dict[str, Callable[[Any, bool], str]] = {
    "json_schema": _json_schema,
    "regex": _regex,
    "choice": _choice,
}
