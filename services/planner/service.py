"""The planning service: the seed algorithm of the house.

    X = task + background  →  K lines from one forked context  →  log P(Y|X) / tokens, calibrated
      →  choose  →  do, look  →  again after a failure, a surprise, or at the line's end

Interface:
    Planner         implements `Plan`
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from ...syscalls.errors import LLMAgentOSError, NotFound, QuotaExceeded
from ...syscalls.host import Host
from ...syscalls.os import OS
from ...syscalls.plan import Calibration, Plan, PlanInfo
from ...syscalls.server import Caller, caller
from .background import encode
from .calibration import fit, reliability
from .contract import Strategy
from .execution import Calibrated, Execution, GaveUp, Order
from .hands import Hands, offered
from .mind import Imagination
from .registry import Registry
from .shelf import Shelf
from .voice import Chats, Contexts, Voice

#: Seconds before its deadline at which a plan ends, so that its contexts can be closed, and the
#: most that is of the deadline.
MARGIN, SHARE = 2.0, 0.05


class Planner(Plan):
    """Plans and what came of them."""

    SETTINGS = ()

    async def setup(self, host: Host) -> None:
        self._host = host
        self._registry = Registry()
        self._shelf = Shelf(host.state / "plans.db")
        #: Contexts that could not be closed when their caller took its call back, by pid: closed
        #: when it plans again, by the kernel when it ends.
        self._left: dict[int, list[int]] = {}

    async def teardown(self) -> None:
        self._shelf.close()

    async def solve(
        self,
        task: str,
        instructions: str | None = None,
        tools: list[str] | None = None,
        strategy: str = "best-of-k",
        candidates: int = 4,
        temperature: float = 0.8,
        steps: int = 16,
        rounds: int = 8,
        reply_tokens: int = 512,
        background: bool = True,
    ) -> PlanInfo:
        who = caller()
        os = self._host.os.on_behalf(who.call)
        chosen = self._registry.make(strategy)
        known = await offered(os, task, tools)
        await self._tidy(os, who.pid)
        messages = await encode(os, task, instructions, background)
        voice = await self._voice(os)
        hands = Hands(os, known, lambda tool: self._shelf.habit(who.principal, tool))
        mind = Imagination(voice, hands, temperature=temperature, reply_tokens=reply_tokens)
        try:
            await voice.open(messages, [one.schema() for one in known])
            plan = self._shelf.begin(
                who.principal,
                PlanInfo(
                    id=0, pid=who.pid, task=task, strategy=strategy, state="running",
                    started=time.time(), ended=None, answer=None,
                ),
            )  # fmt: skip
            order = Order(candidates=candidates, steps=steps, rounds=rounds)
            return await self._pursue(who, plan, order, chosen, mind, hands, voice)
        finally:
            await asyncio.shield(self._close(who.pid, voice))

    async def _pursue(
        self,
        who: Caller,
        plan: PlanInfo,
        order: Order,
        strategy: Strategy,
        mind: Imagination,
        hands: Hands,
        voice: Voice,
    ) -> PlanInfo:
        """Do the task within its deadline; however it ends, the shelf says so."""
        work = Execution(
            plan,
            order,
            strategy=strategy,
            mind=mind,
            hands=hands,
            voice=voice,
            calibrated=self._calibrated(who.principal, mind),
            noted=lambda now: self._shelf.put(who.principal, now),
            said=lambda tool, text: self._shelf.said(who.principal, tool, text),
        )
        left = who.deadline
        reason = "its call was taken back"
        try:
            async with asyncio.timeout(None if left is None else left - min(MARGIN, SHARE * left)):
                await work.run()
        except (GaveUp, QuotaExceeded) as error:
            reason = str(error)
        except TimeoutError:
            reason = f"no answer within {left or 0:g} s"
        except LLMAgentOSError as error:
            reason = str(error)
            raise
        except Exception as error:
            reason = f"the strategy {plan.strategy} failed: {type(error).__name__}: {error}"
            raise
        finally:
            if work.plan.state == "running":
                work.plan = replace(work.plan, state="failed", ended=time.time(), reason=reason)
                self._shelf.put(who.principal, work.plan)
        return work.plan

    async def ls(self, limit: int = 100) -> list[PlanInfo]:
        return self._shelf.ls(caller().principal, limit)

    async def show(self, id: int) -> PlanInfo:
        plan = self._shelf.get(caller().principal, id)
        if plan is None:
            raise NotFound(f"there is no plan {id}")
        return plan

    async def page(self, id: int) -> str:
        from .page import render

        return render(await self.show(id))

    async def judge(self, id: int, success: bool) -> None:
        plan = await self.show(id)
        if plan.state == "running":
            raise NotFound(f"plan {id} has not ended yet")
        self._shelf.put(caller().principal, replace(plan, outcome=success))

    async def calibration(self) -> Calibration:
        verdicts = self._shelf.verdicts(caller().principal)
        told = [(one.confidence, one.success) for one in verdicts if one.confidence is not None]
        ece, bins = reliability([one for one, _ in told], [one for _, one in told])
        return Calibration(outcomes=len(verdicts), predicted=len(told), ece=ece, bins=bins)

    async def strategies(self) -> dict[str, str]:
        return self._registry.names()

    def _calibrated(self, principal: str, mind: Imagination) -> Calibrated:
        """Return what says how likely a score succeeds: by outcomes of the same model's plans."""
        verdicts = self._shelf.verdicts(principal)

        @cache
        def curve(model: str | None) -> Callable[[float], float] | None:
            known = [
                (one.score, one.success)
                for one in verdicts
                if one.model == model and one.score is not None
            ]
            return fit([one for one, _ in known], [one for _, one in known])

        def calibrated(score: float | None) -> float | None:
            fitted = None if score is None else curve(mind.model)
            return None if score is None or fitted is None else fitted(score)

        return calibrated

    async def _voice(self, os: OS) -> Voice:
        """Return the model over contexts where its device has them, else over conversations."""
        active = [one for one in await self._host.os.model.ls() if one.active]
        forks = any("fork" in one.flags for one in active)
        return Contexts(os) if forks or not active else Chats(os)

    async def _close(self, pid: int, voice: Voice) -> None:
        await voice.close()
        if isinstance(voice, Contexts) and voice.held:
            self._left.setdefault(pid, []).extend(voice.held)

    async def _tidy(self, os: OS, pid: int) -> None:
        for handle in self._left.pop(pid, ()):
            try:
                await os.model.close(handle)
            except LLMAgentOSError:
                continue  # It has gone with its device.
