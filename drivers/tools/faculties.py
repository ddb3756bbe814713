"""The operating system's other faculties as tools, each with its caller's rights.

The words of `knowledge_search` are part of the contract: the embedded model has learnt to read
them.

Interface:
    perceive, knowledge_search, knowledge_ask, memory_recall, memory_remember, find_tools
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ...syscalls.errors import InvalidArgument, NotFound, TooBig
from ...syscalls.knowledge import plain
from ...syscalls.tool import ToolResult
from .contract import Context, Failure, tool
from .excerpt import excerpt

#: Characters that are seen of a source, and of one recollection.
SEEN, RECOLLECTION = 50_000, 400
#: Passages, answers, recollections and tools that are told.
PASSAGES, ANSWERS, RECOLLECTIONS, TOOLS = 3, 20, 5, 8
NOTHING = "nothing found"


@tool(untrusted=True)
async def perceive(context: Context, source: str) -> ToolResult:
    """Return what is in a document, a picture or a sound: a file's name or a web address."""
    with _readable():
        seen = await context.os.perception.perceive(source, limit=SEEN)
    parts = [seen.title or "", *(one.text for one in seen.observations)]
    parts += [f"(not seen: {missing})" for missing in seen.missing]
    parts += ["(there is more than this)"] if seen.truncated else []
    text = "\n\n".join(part for part in parts if part)
    return ToolResult(text=text or "nothing to be seen", sources=[seen.source])


@tool(untrusted=True)
async def knowledge_search(context: Context, query: str) -> ToolResult:
    """Search the documents for passages about something."""
    with _readable():
        passages = await context.os.knowledge.search(query, limit=PASSAGES)
    cites = [_line(passage.cite()) for passage in passages[:PASSAGES]]
    told = zip(cites, passages, strict=False)
    lines = [f"{cite}: {excerpt(passage.text, query)}" for cite, passage in told]
    return ToolResult(text="\n".join(lines) or NOTHING, sources=_once(cites))


@tool(untrusted=True)
async def knowledge_ask(context: Context, pattern: str) -> ToolResult:
    """Ask for facts by a pattern, such as: ?who works_at ?firm . ?firm based_in Oslo"""
    with _readable():
        answers = await context.os.knowledge.ask(pattern, limit=ANSWERS)
    lines = [
        ", ".join(f"{name.lstrip('?')} = {plain(one)}" for name, one in answer.values.items())
        or "yes"
        for answer in answers
    ]
    sources = _once(fact.cite() for answer in answers for fact in answer.facts)
    text = "\n".join(map(_line, lines)) or NOTHING
    return ToolResult(text=text, data=[answer.values for answer in answers], sources=sources)


@tool()
async def memory_recall(context: Context, query: str) -> ToolResult:
    """Return what was remembered about something."""
    with _readable():
        recalled = await context.os.memory.recall(query, limit=RECOLLECTIONS)
    lines = [_line(one.text)[:RECOLLECTION] for one in recalled]
    return ToolResult(text="\n".join(lines) or NOTHING, sources=_once(o.source for o in recalled))


@tool(effect=True)
async def memory_remember(context: Context, text: str) -> str:
    """Remember a text, to be found again by what it is about."""
    with _readable():
        await context.os.memory.write(text)
    return "stored"


@tool()
async def find_tools(context: Context, query: str) -> ToolResult:
    """Find tools for a task; those that are found can be called from then on."""
    found = await context.os.tool.search(query, limit=TOOLS)
    lines = [
        f"{one.name}({', '.join(one.parameters.get('properties', {}))}): "
        f"{one.description.splitlines()[0] if one.description else ''}"
        for one in found
    ]
    return ToolResult(text="\n".join(lines) or NOTHING, data=[one.name for one in found])


@contextmanager
def _readable() -> Iterator[None]:
    """Let a model read what it has asked wrongly; the rest is its program's affair."""
    try:
        yield
    except (InvalidArgument, NotFound, TooBig) as error:
        raise Failure(error.message) from None


def _line(text: str) -> str:
    return " ".join(text.split())


def _once(sources: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(sources))
