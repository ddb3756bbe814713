"""Keys of processes: a key stands for the process that it was given, as long as that lives.

Interface:
    Keys            `issue`, `holder`, `withdraw`
    environment     what a program that knows nothing of this system is told of it
"""

from __future__ import annotations

import hashlib
import secrets

from .process import ControlBlock

PREFIX = "aos_process_"


class Keys:
    """Which process each key stands for. Only digests of keys are kept, and nothing on disk."""

    def __init__(self) -> None:
        self._holders: dict[bytes, ControlBlock] = {}
        self._keys: dict[int, bytes] = {}  # by pid

    def issue(self, process: ControlBlock) -> str:
        """Return a key for a process that has none."""
        key = PREFIX + secrets.token_urlsafe(32)
        self._keys[process.pid] = digest = _digest(key)
        self._holders[digest] = process
        return key

    def holder(self, key: str) -> ControlBlock | None:
        """Return the process that a key stands for."""
        return self._holders.get(_digest(key))

    def withdraw(self, process: ControlBlock) -> bool:
        """Let a process's key stand for nothing any more; return whether it had one."""
        digest = self._keys.pop(process.pid, None)
        return digest is not None and self._holders.pop(digest, None) is not None


def environment(process: ControlBlock, key: str) -> dict[str, str]:
    """Return the variables by which a program finds its model; where, its launcher adds to them."""
    told = {
        "LLMAGENTOS_PID": str(process.pid),
        "LLMAGENTOS_TOKEN": key,
        "OPENAI_API_KEY": key,
        "OPENAI_MODEL": "default",
        "OPENAI_DEFAULT_MODEL": "default",
        # There is no way out to where OpenAI's own agents report to.
        "OPENAI_AGENTS_DISABLE_TRACING": "1",
    }
    return told if process.task is None else {**told, "LLMAGENTOS_TASK": process.task}


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
