"""Whether a grammar can be compiled within bounds, found out in a process that can be killed.

Intersections of patterns, remainders and very many properties take llguidance from milliseconds to
hours, and a thread that compiles cannot be stopped. Most grammars hold nothing of the kind.

Interface:
    doubtful        whether a grammar has to be tried
    holds           tries it; blocking
    LIMITS          what llguidance may use
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

#: Seconds of a processor and bytes of address space of a trial, and seconds on a busy machine.
SECONDS, MEMORY, PATIENCE = 2, 2 << 30, 30.0
#: For about 20 ms to build a grammar's lexer, as long for a step, and 120 MB that it may learn.
LIMITS: dict[str, Any] = {
    "initial_lexer_fuel": 1_000_000,
    "step_lexer_fuel": 200_000,
    "step_max_items": 50_000,
    "max_items_in_row": 2000,
    "max_lexer_states": 100_000,
    "max_grammar_size": 100_000,
    "precompute_large_lexemes": False,
    "verbose_errors": False,
}
#: Characters, and keywords whose cost multiplies, up to which nothing has been seen to be slow.
_SHORT, _FEW = 32 * 1024, 3
_PROGRAM = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
limits = LLParserLimits(**{LIMITS})
LLMatcher(LLTokenizer("byte"), sys.stdin.read(), log_level=0, limits=limits).compute_bitmask()
"""


def doubtful(text: str) -> bool:
    """Return whether a grammar may take long."""
    costly = text.count('"pattern') + text.count('"format"')
    return len(text) > _SHORT or costly > _FEW or '"multipleOf"' in text


def holds(text: str) -> bool:
    """Return whether a grammar, right or wrong, is dealt with in `SECONDS`."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _PROGRAM],
            input=text.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
