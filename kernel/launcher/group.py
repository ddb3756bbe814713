"""A process and all that it has started: every process of ours leads a session of its own.

Interface:
    signal_group    to its leader and to whatever has not left it
"""

from __future__ import annotations

import os
import signal


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to a process's whole group; does nothing for one that is gone."""
    # A process that was forked just now does not lead its session yet.
    for send in (os.killpg, os.kill):
        try:
            send(leader, number)
            return
        except ProcessLookupError:
            continue
