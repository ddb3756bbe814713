"""A model somewhere else, which answers when a test lets it."""

from __future__ import annotations

import json
import select
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Upstream:
    """Counts what it is asked, answers each with two words and four tokens while it is `open`."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self._changed = threading.Condition()
        #: Last messages of the requests that have begun, and how many of them were broken off.
        self.asked: list[str] = []
        self.broken = 0
        handler = type("Handler", (_Handler,), {"upstream": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"openai:http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def note(self, *, asked: str | None = None, broken: bool = False) -> None:
        """Write down what has happened."""
        with self._changed:
            self.asked += [] if asked is None else [asked]
            self.broken += broken
            self._changed.notify_all()

    def when(self, asked: int = 0, broken: int = 0) -> None:
        """Wait until so much has happened."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: len(self.asked) >= asked and self.broken >= broken, 60
            ), (self.asked, self.broken)

    def close(self) -> None:
        """Answer whatever waits, and end."""
        self.open.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    upstream: Upstream

    def do_GET(self) -> None:
        self._send("application/json", json.dumps({"data": [{"id": "upstream"}]}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.upstream.note(asked=str(body["messages"][-1]["content"]))
        while not self.upstream.open.wait(0.02):
            if select.select([self.connection], [], [], 0)[0]:
                self.upstream.note(broken=True)  # It has hung up: it has nothing more to say.
                self.close_connection = True
                return
        usage = {"prompt_tokens": 2, "completion_tokens": 2}
        pieces: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": {"content": "Well "}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {"content": "said."}, "finish_reason": "stop"}]},
            {"choices": [], "usage": usage},
        ]
        lines = [*(json.dumps(one) for one in pieces), "[DONE]"]
        self._send("text/event-stream", "".join(f"data: {line}\n\n" for line in lines))

    def _send(self, kind: str, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass
