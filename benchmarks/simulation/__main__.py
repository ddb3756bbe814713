"""Run the simulation: all policies on one trace, and what their decisions cost.

10,000 agents arrive at random, at a rate that takes LOAD of what the device can serve. The same
policies and the same run queue serve here and in the daemon. `completion_gain` compares the mean
time from an agent's arrival to its end, first come, first served over `program`.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from llmagentos.kernel.policy.registry import find

from ..report import asked, report
from .decision import cost
from .device import capacity
from .trace import WIDE, Agent, agents
from .world import Outcome, run

POLICIES = ("fifo", "priority", "fair", "program")
FEW, MANY = 100, 100_000


def trace(count: int, load: float, seed: int, wide: float = WIDE) -> list[Agent]:
    """Return agents that arrive so that they keep the device busy for `load` of the time."""
    drawn = agents(count, 1.0, seed, wide)
    made = sum(len(turn.calls) for agent in drawn for turn in agent.play())
    served = capacity(call for agent in drawn for turn in agent.play() for call in turn.calls)
    return agents(count, made / count / served / load, seed, wide)


def row(outcome: Outcome) -> dict[str, float]:
    """Return what the table shows of a policy, in seconds."""
    done = sorted(outcome.completions)
    cuts = statistics.quantiles(done, n=100)
    return {
        "mean": statistics.mean(done),
        "median": cuts[49],
        "p90": cuts[89],
        "p99": cuts[98],
        "last": done[-1],
        "longest wait": outcome.longest_wait,
        "mean wait": outcome.mean_wait,
    }


def compare(played: Sequence[Agent], policies: Sequence[str]) -> dict[str, dict[str, float]]:
    """Play a trace under each policy, and print a table of completion times."""
    rows: dict[str, dict[str, float]] = {}
    for name in policies:
        rows[name] = row(run(played, find(name), name))
        if len(rows) == 1:
            print(f"{'seconds':<10}" + "".join(f"{title:>14}" for title in rows[name]))
        print(
            f"{name:<10}" + "".join(f"{value:>14,.0f}" for value in rows[name].values()), flush=True
        )
    return rows


def measure(count: int, load: float, seed: int) -> dict[str, float]:
    """Return the figures."""
    print(f"{count} agents at {load:.0%} of the device, one in {1 / WIDE:.0f} of them fans out")
    rows = compare(trace(count, load, seed), POLICIES)
    print(f"\n{count} agents of which none fans out")
    chains = compare(trace(count, load, seed, 0.0), ("fifo", "program"))
    figures = {
        "completion_gain": rows["fifo"]["mean"] / rows["program"]["mean"],
        "median_gain": rows["fifo"]["median"] / rows["program"]["median"],
        "chains_gain": chains["fifo"]["mean"] / chains["program"]["mean"],
        "chains_median_gain": chains["fifo"]["median"] / chains["program"]["median"],
        "last_ratio": rows["program"]["last"] / rows["fifo"]["last"],
        "longest_wait": rows["program"]["longest wait"],
    }
    print(f"\n{'µs/decision':<12}{FEW:>12,} wait{MANY:>12,} wait")
    for name in POLICIES:
        few, many = cost(name, FEW, MANY)
        print(f"{name:<12}{few:>17.2f}{many:>17.2f}")
    return {**figures, "decision_growth": many / few, "decision_us": many}


def main() -> None:
    """Run the benchmark."""
    parser = asked("simulation", __doc__)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--load", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures = measure(options.agents, options.load, options.seed)
    print()
    report(figures, options)


if __name__ == "__main__":
    main()
