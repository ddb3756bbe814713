"""What a sender's process does: it sends until enough was taken.

Interface:
    send_frames, send_requests      given the array of their counts: taken, failed, hung
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .frames import Frames
from .requests import Requests

Counts = Any  # shared between processes


def send_frames(counts: Counts, goal: int, path: Path, seed: int) -> None:
    """Send damaged frames to a control socket."""
    _until(Frames(path, seed), counts, goal)


def send_requests(counts: Counts, goal: int, host: str, port: int, token: str, seed: int) -> None:
    """Send damaged requests to a gateway."""
    _until(Requests(host, port, token, seed), counts, goal)


def _until(sender: Frames | Requests, counts: Counts, goal: int) -> None:
    while sender.taken + sender.hung < goal:
        sender.send()
        counts[0], counts[1], counts[2] = sender.taken, sender.failed, sender.hung
