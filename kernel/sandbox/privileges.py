"""Privileges: what root may do beyond other users (capabilities(7)).

Interface:
    drop            give them all up; raises OSError
"""

from __future__ import annotations

import errno
from itertools import count

from .native import PR_CAPBSET_DROP, capset, prctl


def drop() -> None:
    """Give up every privilege, of this process and of what it will execute, for good."""
    for number in count():
        try:
            prctl(PR_CAPBSET_DROP, number)
        except OSError as error:
            # The machine knows no further ones, or this process has none that could be dropped.
            if error.errno in (errno.EINVAL, errno.EPERM):
                break
            raise
    capset()
