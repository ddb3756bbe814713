"""The planning service.

Interface:
    Planner         implements `Plan`
"""

from __future__ import annotations

from ...syscalls.plan import Plan


class Planner(Plan):
    """Plans and what came of them."""
