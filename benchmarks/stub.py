"""An OpenAI-compatible server that answers at once, or after as many seconds as it is told.

The last message's content is the delay in seconds: `0`, `10`.

Interface:
    python -m benchmarks.stub FD    serves on an inherited listening socket
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import Any

from aiohttp import web

_USAGE = {"prompt_tokens": 8, "completion_tokens": 1, "total_tokens": 9}


async def models(request: web.Request) -> web.Response:
    """List the one model there is."""
    return web.json_response({"object": "list", "data": [{"id": "stub", "object": "model"}]})


async def chat(request: web.Request) -> web.StreamResponse:
    """Answer `ok`, whole or as a stream."""
    body: dict[str, Any] = await request.json()
    await asyncio.sleep(float(body["messages"][-1]["content"]))
    head = {"id": "1", "object": "chat.completion", "created": 0, "model": "stub"}
    if not body.get("stream"):
        message = {"role": "assistant", "content": "ok"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({**head, "choices": [choice], "usage": _USAGE})
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    part = {"index": 0, "delta": {"role": "assistant", "content": "ok"}, "finish_reason": None}
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    chunks = (
        {**head, "choices": [part]},
        {**head, "choices": [last]},
        {**head, "choices": [], "usage": _USAGE},
    )
    data = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    await response.write(f"{data}data: [DONE]\n\n".encode())
    return response


async def serve(listening: socket.socket) -> None:
    """Serve until the process is ended."""
    app = web.Application()
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(socket.socket(fileno=int(sys.argv[1]))))
