"""What a token has started keeps no right beyond the token, unless the policy says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.init.sessions import Sessions
from llmagentos.kernel.keys import Keys
from llmagentos.kernel.mailbox import PostOffice
from llmagentos.kernel.process import Kind, ProcessTable, State
from llmagentos.kernel.rights.principals import Principals
from llmagentos.kernel.tokens import TokenStore
from llmagentos.kernel.trap import Trap


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("policy", "kept"),
    [("", False), ("[agents]\noutlive_tokens = true\n", True), ("[agents]\nlimits = []\n", False)],
)
@pytest.mark.parametrize("revoked", [False, True])
def test_agent_loses_its_rights_with_the_token_that_started_it(
    tmp_path: Path, policy: str, kept: bool, revoked: bool
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(policy)
    clock = Clock()

    async def work() -> None:
        table, trap = ProcessTable(), Trap(asyncio.get_running_loop().time)
        tokens = TokenStore(tmp_path / "tokens.json", clock)
        sessions = Sessions(
            table=table, trap=trap, post=PostOffice(), tokens=tokens, keys=Keys(),
            principals=Principals("ada", [file]),
        )  # fmt: skip
        person = table.create(
            principal="ada", program="session", kind=Kind.SESSION,
            capabilities=CapabilitySet.parse(["*"]),
        )  # fmt: skip
        gateway = table.create(principal="ada", program="gateway", kind=Kind.SERVICE)
        made = sessions.make(
            person, name="x", capabilities=["memory.*"], budget=None, expires_in=60.0
        )
        session, _ = sessions.open(made.secret, gateway)
        agent = table.create(principal="ada", program="clerk", parent=session)
        child = table.create(principal="ada", program="clerk", parent=agent)
        if revoked:
            sessions.revoke(person, made.info.id, None)
        else:
            clock.now += 59
            sessions.sweep()
            assert agent.capabilities.free("memory.put") and session.state is not State.ZOMBIE
            clock.now += 2
        sessions.sweep()
        assert session.state is State.ZOMBIE
        for one in (agent, child):
            assert (one.capabilities.free("memory.put") is not None) is (kept and not revoked)

    asyncio.run(work())
