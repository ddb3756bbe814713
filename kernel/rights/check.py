"""Checks files of a policy, as the daemon does at its start.

    python -m llmagentos.kernel.rights.check [FILE…]

Interface:
    main(files)     the exit code: 0, or 1 after a line that names the file, the key and the reason
"""

from __future__ import annotations

import sys
from pathlib import Path

from ...syscalls.errors import LLMAgentOSError
from .policy import read, standard_files


def main(files: list[str]) -> int:
    """Check these files, or those in the usual places."""
    missing = [one for one in files if not Path(one).is_file()]
    if missing:
        print(f"aos: {missing[0]}: there is no such file", file=sys.stderr)
        return 1
    try:
        policy = read([Path(one) for one in files] or standard_files())
    except LLMAgentOSError as error:
        print(f"aos: {error}", file=sys.stderr)
        return 1
    for file in policy.files:
        print(f"{file}: ok")
    if not policy.files:
        print("no policy: the owner holds everything, and agents what the configuration gives them")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
