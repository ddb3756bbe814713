"""The calculator: arithmetic expressions and nothing else, in bounded time.

Interface:
    evaluate        an expression to the text of its value, or of what is wrong with it
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

#: Characters of an expression, and digits of a number.
LENGTH, DIGITS = 1000, 1000
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_BITS = int(DIGITS * 3.33)


class _TooLarge(Exception):
    """A number that nobody would want to read."""


def evaluate(expression: str) -> str:
    """Return the value as people write it, or `error: …`."""
    try:
        if len(expression) > LENGTH:
            return "error: the expression is too long"
        return _text(_value(ast.parse(expression.strip(), mode="eval").body))
    except ZeroDivisionError:
        return "error: division by zero"
    except (_TooLarge, OverflowError):
        return "error: the number is too large"
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "error: not an arithmetic expression"


def _value(node: ast.expr) -> int | float:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _bounded(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _bounded(_BINARY[type(op)](_value(left), _value(right)))
    raise ValueError(type(node).__name__)


def _power(base: int | float, exponent: int | float) -> int | float:
    if isinstance(base, int) and isinstance(exponent, int) and exponent >= 0:
        # The least size is known before the work is done; the real one is at most twice that.
        if (base.bit_length() - 1) * exponent > _BITS:
            raise _TooLarge
    value = base**exponent
    if isinstance(value, complex):
        raise ValueError("complex")
    return _bounded(value)


def _bounded(value: Any) -> int | float:
    if isinstance(value, int) and value.bit_length() > _BITS:
        raise _TooLarge
    number: int | float = value
    return number


def _text(value: int | float) -> str:
    if isinstance(value, int):
        return str(value)
    if value != value or value in (float("inf"), float("-inf")):
        raise _TooLarge
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(float(f"{value:.10g}"))
