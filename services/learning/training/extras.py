"""Libraries that only training needs, and what to say where one is missing.

Interface:
    require     raises an error that names what to install
"""

from __future__ import annotations

from importlib.util import find_spec

from ....syscalls.errors import NotFound


def require(*names: str) -> None:
    """Raise `NotFound` for the first of these libraries that is not there."""
    for name in names:
        if find_spec(name) is None:
            raise NotFound(f"{name} is not installed: pip install 'llmagentos[learn]'")
