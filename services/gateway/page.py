"""The reference as a page: no script, nothing from elsewhere.

Interface:
    render          descriptions to HTML
"""

from __future__ import annotations

import json
import re
from html import escape

from ...syscalls.errors import BY_CODE
from ...syscalls.table import Description
from .problems import STATUS

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#ddd, #444); --soft: light-dark(#666, #aaa) }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line) }
details { border-bottom: 1px solid var(--line); padding: .5rem 0 }
summary { cursor: pointer } code, pre { font: 14px/1.4 ui-monospace, monospace }
summary code { font-weight: 600; overflow-wrap: anywhere } .soft { color: var(--soft) }
td { padding: .15rem 1.5rem .15rem 0; vertical-align: top } :target { background: Highlight }
pre { overflow-x: auto; padding: .75rem; border: 1px solid var(--line); border-radius: 6px }
"""


def render(syscalls: list[Description]) -> str:
    """Return the page."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'><link rel=icon href='data:,'>",
        "<title>LLMAgentOS: syscalls</title>",
        f"<style>{_STYLE}</style><h1>Syscalls</h1>",
        "<p>Each is <code>POST /api/v1/syscalls/NAME</code> with a JSON object of arguments and a",
        " bearer token (<code>aos token create</code>). The same as",
        " <a href='/openapi.json'>OpenAPI</a>.</p>",
    ]
    interface = ""
    for one in syscalls:
        if (mine := one.name.partition(".")[0]) != interface:
            interface = mine
            parts.append(f"<h2>{escape(mine)}</h2>")
        parts.append(_entry(one))
    parts.append(_errors())
    return "\n".join(parts)


def _errors() -> str:
    rows = (
        f"<tr id={code}><td><code>{code}</code><td>{STATUS[code]}"
        f"<td>{escape((kind.__doc__ or '').strip())}"
        for code, kind in BY_CODE.items()
    )
    return "<h2>errors</h2><p>Problem details (RFC 9457), each with its code.</p>" + (
        f"<table>{''.join(rows)}</table>"
    )


def _entry(one: Description) -> str:
    arguments = escape(json.dumps(one.arguments, indent=2, ensure_ascii=False))
    result = escape(json.dumps(one.result, indent=2, ensure_ascii=False))
    first, _, rest = one.doc.partition("\n")
    kind = "each item" if one.traits.stream else "the result"
    return (
        f'<details id="{escape(one.name)}">'
        f"<summary><code>{escape(one.name)}({escape(', '.join(one.parameters))})</code>"
        f" <span class=soft>{_text(first)}</span></summary>"
        f"<p>{_text(rest.strip())}</p><p>Arguments</p><pre>{arguments}</pre>"
        f"<p>Schema of {kind}</p><pre>{result}</pre></details>"
    )


def _text(doc: str) -> str:
    """Return a docstring with its names set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(doc))
