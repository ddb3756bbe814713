"""The hub of models: whether it can be asked, found out in bounded time, and what it holds.

The hub's own client tries again and again, for a minute or more, and name lookups have no timeout.

Interface:
    reachable       says whether it answers
    fetch           brings a model here; both block
"""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence

#: Seconds.
PATIENCE = 4.0
#: What a model is made of. Weights in other formats are programs, which nobody should run.
FILES = ("*.json", "*.jinja", "*.model", "*.safetensors", "*.txt")


def reachable() -> bool:
    """Say whether the hub answers, with whatever; through the proxy that the environment names."""
    if os.environ.get("HF_HUB_OFFLINE"):
        return False
    from huggingface_hub.constants import ENDPOINT

    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(ENDPOINT, timeout=PATIENCE):
                answered.set()
        except urllib.error.HTTPError:
            answered.set()
        except (OSError, ValueError):
            pass

    asking = threading.Thread(target=ask, name="hub", daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return answered.is_set()


def fetch(name: str, local: bool, files: Sequence[str] = FILES) -> str:
    """Return the folder that holds a model, after bringing its files here or, if `local`, as it is.

    Raises `OSError` and the hub's own errors.
    """
    from huggingface_hub import snapshot_download

    return snapshot_download(name, allow_patterns=list(files), local_files_only=local)
