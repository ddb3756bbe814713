"""What `aos doctor` says about security: what an owner should know of his own house.

Interface:
    machine     what is open on this machine, without a daemon
    daemon      what the daemon's policy and tokens leave open
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from ....syscalls.os import OS
from ..output import counted

#: What was looked at, `ok`, `warn` or `fail`, and what was found or is to be done.
Finding = tuple[str, str, str]
#: Seconds in which bubblewrap is tried.
_TRIAL = 10.0
#: What the sandboxes of agents should have, and what needs a machine that delegates it.
LAYERS, DELEGATED = ("netns", "seccomp", "landlock", "rlimits"), "cgroup"


def machine(state: Path) -> Iterator[Finding]:
    """Say whether others of this machine reach the state, and whether code can be boxed."""
    yield _bubblewrap()
    if state.is_dir():
        yield _state(state)


def _bubblewrap() -> Finding:
    found = shutil.which("bwrap")
    if found is None:
        hint = "install it: the python and shell tools need it, and servers of tools run without"
        return "bubblewrap", "warn", hint
    tried = [found, "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    try:
        ran = subprocess.run(tried, capture_output=True, timeout=_TRIAL, text=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "bubblewrap", "warn", f"it cannot be run: {error}"
    if ran.returncode:
        why = (ran.stderr.strip() or f"it ends with {ran.returncode}").splitlines()[0]
        return "bubblewrap", "warn", f"{why}; are user namespaces allowed here?"
    return "bubblewrap", "ok", "code, shell and servers of tools run in it"


def _state(state: Path) -> Finding:
    mode = state.stat().st_mode & 0o777
    if mode & 0o077:
        return "privacy", "fail", f"others may look into {state} ({mode:o}): chmod 700 {state}"
    return "privacy", "ok", f"nobody else looks into {state}"


async def daemon(os: OS) -> list[Finding]:
    """Say what tokens and the policy leave open."""
    now, live = time.time(), []
    for one in await os.system.token_ls():
        if not one.revoked and (one.expires is None or one.expires > now):
            live.append(one)
    endless = [one.name for one in live if one.expires is None]
    if endless:
        names = ", ".join(endless[:5]) + (", …" if len(endless) > 5 else "")
        hint = f"{len(endless)} of {len(live)} never expire: {names}; see --expires"
        found: list[Finding] = [("tokens", "warn", hint)]
    else:
        found = [("tokens", "ok", f"{len(live)}, and each expires" if live else "none")]
    policy = await os.rights.policy()
    if not policy.files:
        found.append(("policy", "ok", "none: the owner alone, and agents have their usual rights"))
        return found
    told = f"{counted(len(policy.principals), 'principal')}, in {', '.join(policy.files)}"
    wide = sorted(name for name, role in policy.roles.items() if "*" in role["capabilities"])
    bare = sorted(name for name, one in policy.principals.items() if not one["roles"])
    if wide:
        found.append(("policy", "warn", f"the role {', '.join(wide)} holds everything (*)"))
    elif bare:
        found.append(("policy", "warn", f"{', '.join(bare)} may do nothing: no role"))
    else:
        found.append(("policy", "ok", told))
    return found


def layers(report: dict[str, str]) -> Iterator[Finding]:
    """Say which layers hold an agent here, by what a sandbox has reported."""
    for layer, state in report.items():
        good = state == "enforced" or layer not in LAYERS
        hint = "" if good else f'; demand it: [agents.sandbox.agent] {layer} = "required"'
        if layer == DELEGATED and state == "unavailable":
            hint = ", as wherever no control group is delegated to the daemon"
        yield f"sandbox {layer}", "ok" if good else "warn", state + hint
