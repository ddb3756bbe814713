"""The knowledge driver.

Interface:
    KnowledgeDriver     implements `Knowledge`
"""

from __future__ import annotations

from ...syscalls.knowledge import Knowledge


class KnowledgeDriver(Knowledge):
    """Documents and facts."""
