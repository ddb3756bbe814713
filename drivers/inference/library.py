"""The library of models, imported by one thread at a time.

transformers puts another module in its own place while it is imported, and imports each part when
somebody first asks for it. Two threads that do so at once find a module half made, and a part that
is there "cannot be imported".

Interface:
    parts           classes and functions of transformers by their names
"""

from __future__ import annotations

import threading
from typing import Any

_ALONE = threading.Lock()


def parts(*names: str) -> list[Any]:
    """Return parts of transformers. Blocking: the first ones take seconds. Raises `ImportError`."""
    with _ALONE:
        import transformers

        return [getattr(transformers, name) for name in names]
