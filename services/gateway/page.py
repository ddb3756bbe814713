"""The reference as a page: no script, nothing from elsewhere.

Interface:
    render          descriptions to HTML
"""

from __future__ import annotations

import json
from html import escape

from ...syscalls.table import Description

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#ddd, #444); --soft: light-dark(#666, #aaa) }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line) }
details { border-bottom: 1px solid var(--line); padding: .5rem 0 }
summary { cursor: pointer } code, pre { font: 14px/1.4 ui-monospace, monospace }
summary code { font-weight: 600 } .soft { color: var(--soft) }
pre { overflow-x: auto; padding: .75rem; border: 1px solid var(--line); border-radius: 6px }
"""


def render(syscalls: list[Description]) -> str:
    """Return the page."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'><title>LLMAgentOS: syscalls</title>",
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
    return "\n".join(parts)


def _entry(one: Description) -> str:
    arguments = escape(json.dumps(one.arguments, indent=2, ensure_ascii=False))
    result = escape(json.dumps(one.result, indent=2, ensure_ascii=False))
    first, _, rest = one.doc.partition("\n")
    kind = "each item" if one.traits.stream else "the result"
    return (
        f"<details><summary><code>{escape(one.name)}({escape(', '.join(one.parameters))})</code>"
        f" <span class=soft>{escape(first)}</span></summary>"
        f"<p>{escape(rest.strip())}</p><p>Arguments</p><pre>{arguments}</pre>"
        f"<p>Schema of {kind}</p><pre>{result}</pre></details>"
    )
