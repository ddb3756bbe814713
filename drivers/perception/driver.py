"""The perception driver.

Interface:
    PerceptionDriver    implements `Perception`
"""

from __future__ import annotations

from ...syscalls.perception import Perception


class PerceptionDriver(Perception):
    """Sources to observations."""
