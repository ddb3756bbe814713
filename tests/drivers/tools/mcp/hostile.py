"""A server of tools that does all that a server should not, over its standard input and output.

It speaks the protocol of 2025 by hand: what it sends, no library would. `python hostile.py FOLDER`
keeps its marks in the folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(sys.argv[1])
OBJECT = {"type": "object"}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
SIZE = {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]}
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
#: Each step refers twice to the next.
DOUBLING = {
    "type": "object",
    "properties": {"x": {"$ref": "#/$defs/d0"}},
    "$defs": {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(60)
    },
}
BACKTRACKING = {"type": "object", "properties": {"text": {"type": "string", "pattern": "^(a+)+$"}}}
DEEP: dict[str, Any] = {"type": "object"}
for _ in range(40):
    DEEP = {"type": "object", "properties": {"x": DEEP}}

TOOLS: list[dict[str, Any]] = [
    {"name": "echo", "description": "Say\x1b[31m it\u202e again.\x00", "inputSchema": TEXT,
     "annotations": {"readOnlyHint": True}},
    {"name": "slow", "inputSchema": OBJECT},
    {"name": "huge", "inputSchema": SIZE},
    {"name": "liar", "inputSchema": OBJECT, "outputSchema": NUMBER},
    {"name": "honest", "inputSchema": OBJECT, "outputSchema": NUMBER},
    {"name": "silent", "inputSchema": OBJECT, "outputSchema": NUMBER},
    {"name": "die", "inputSchema": OBJECT},
    {"name": "garbage", "inputSchema": OBJECT},
    {"name": "flood", "inputSchema": OBJECT},
    {"name": "grow", "inputSchema": OBJECT},
    {"name": "pictures", "inputSchema": OBJECT},
    {"name": "refuse", "inputSchema": OBJECT, "annotations": {"destructiveHint": True}},
    {"name": "nonsense", "inputSchema": OBJECT},
    {"name": "environment", "inputSchema": OBJECT},
    {"name": "breed", "inputSchema": OBJECT},
    {"name": "ask", "inputSchema": OBJECT},
    {"name": "backtrack", "inputSchema": BACKTRACKING},
    {"name": "a.b", "inputSchema": OBJECT},
    {"name": "a_b", "inputSchema": OBJECT},
    {"name": "l" * 100, "description": "d" * 5000, "inputSchema": OBJECT},
    {"name": "doubling", "inputSchema": DOUBLING},
    {"name": "deep", "inputSchema": DEEP},
    {"name": "wide", "inputSchema": {**OBJECT, "description": "x", "enum": ["x" * 40_000]}},
    {"name": "wrong", "inputSchema": {"type": "object", "properties": {"x": {"type": "text"}}}},
]  # fmt: skip


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(number: Any, **result: Any) -> None:
    say({"id": number, "result": result})


def text(said: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": said}]


def changed() -> None:
    say({"method": "notifications/tools/list_changed"})


def call(number: Any, name: str, arguments: dict[str, Any]) -> None:
    match name:
        case "slow":
            (FOLDER / "slow").touch()
        case "huge":
            answer(number, content=text("x" * arguments["size"]))
        case "liar":
            answer(number, content=text("a lie"), structuredContent={"n": "a text"})
        case "honest":
            answer(number, content=[], structuredContent={"n": 5})
        case "silent":
            answer(number, content=text("nothing"))
        case "die":
            print("the last words", file=sys.stderr, flush=True)
            os._exit(3)
        case "garbage":
            sys.stdout.write("Welcome!\n{\n[]\n\xff\n" + json.dumps({"jsonrpc": "1.0"}) + "\n\n")
            answer(number, content=text("after all that"))
        case "flood":
            for _ in range(1500):
                changed()
            answer(number, content=text("flooded"))
        case "grow":
            TOOLS.append({"name": "fresh", "inputSchema": OBJECT})
            changed()
            answer(number, content=text("grown"))
        case "pictures":
            picture = {"type": "image", "data": "aGVsbG8h", "mimeType": "image/png"}
            inner = {"uri": "file:///x", "text": "inside"}
            link = {"type": "resource_link", "uri": "file:///y", "name": "y"}
            answer(number, content=[picture, {"type": "resource", "resource": inner}, link])
        case "refuse":
            say({"id": number, "error": {"code": -32602, "message": "no\x1b[2J"}})
        case "nonsense":
            answer(number, content=5)
        case "environment":
            answer(number, content=text(json.dumps(dict(os.environ))))
        case "breed":
            with (FOLDER / "alive").open("w") as alive:
                subprocess.Popen(["sleep", "1000"], stdout=alive)
            answer(number, content=text("bred"))
        case "ask":
            say({"id": "mine", "method": "sampling/createMessage",
                 "params": {"messages": [], "maxTokens": 5}})  # fmt: skip
            answer(number, content=text("asked"))
        case _:
            answer(number, content=text(arguments.get("text", name)))


def main() -> None:
    (FOLDER / "starts").open("a").write(f"{time.time()}\n")
    for line in sys.stdin:
        message = json.loads(line)
        number, params = message.get("id"), message.get("params") or {}
        match message.get("method"):
            case "initialize":
                about = {"name": "hostile", "version": "1"}
                offers = {"tools": {"listChanged": True}}
                version = params["protocolVersion"]
                answer(number, protocolVersion=version, capabilities=offers, serverInfo=about)
            case "tools/list":
                (FOLDER / "lists").open("a").write("list\n")
                answer(number, tools=TOOLS)
            case "tools/call":
                call(number, params["name"], params.get("arguments") or {})
            case "notifications/cancelled":
                (FOLDER / "cancelled").write_text(str(params["requestId"]))
            case None | "notifications/initialized":
                (FOLDER / "refused").write_text(line) if number == "mine" else None
            case _:
                say({"id": number, "error": {"code": -32601, "message": "no such method"}})


main()
