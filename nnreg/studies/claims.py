"""What a study claims, as small declarative assertions over its runs: a measure, and what is expected of it.

A measure is an expression such as ``last(100, "train/loss", optimizer="adam") - last(100, "train/loss", optimizer="sgd")``.
Each function gives one number a seed, so a difference is paired; conditions choose the runs (``init__std=0.01`` for
``init.std``). ``smallest``, ``largest`` and ``average`` make one number of several. An expectation is ``> 2.29``,
``in [0.19, 0.22]``, ``= -0.350393 +- 5e-7`` or ``= [0.158, 0.293]``. A claim of several seeds speaks of their mean; an
inequality must hold for the whole 95 % interval of the mean. Where a value is not finite there is no such mean: an
inequality must hold for every value then, and nothing else holds.
"""

from __future__ import annotations

import ast
import inspect
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnreg.errors import UserError, instead
from nnreg.records.results import Results
from nnreg.records.statistics import half_width
from nnreg.studies.measures import MEASURES, Values


@dataclass(frozen=True)
class Verdict:
    """A claim that was checked.

    Attributes:
        say: the claim in words.
        measure: the expression.
        expect: what was expected.
        measured: what was found, for people: ``0.203 ± 0.011``.
        holds: whether it was reproduced.
    """

    say: str
    measure: str
    expect: str
    measured: str
    holds: bool


def read(claim: Mapping[str, str]) -> None:
    """Make sure, before anything is run, that a claim can be read.

    Raises:
        UserError: it lacks a part, or its measure or expectation is not one.
    """
    missing = {"say", "measure", "expect"} - set(claim)
    if missing:
        raise UserError(f"the claim {dict(claim)} lacks {', '.join(sorted(missing))}")
    for node in ast.walk(_parse(str(claim["measure"]))):
        if isinstance(node, ast.Call):
            _called(node)
    _compare(np.zeros(1), str(claim["expect"]))


def check(claim: Mapping[str, str], results: Results) -> Verdict:
    """Measure a claim and compare it with what is expected.

    Args:
        claim: ``say``, ``measure`` and ``expect``.
        results: the runs of the study.

    Raises:
        UserError: the claim cannot be read, or speaks of runs or metrics that are not there.
    """
    read(claim)
    values = measure(str(claim["measure"]), results)
    holds, measured = _compare(values, str(claim["expect"]))
    return Verdict(str(claim["say"]), str(claim["measure"]), str(claim["expect"]), measured, holds)


def unmeasured(claim: Mapping[str, str]) -> Verdict:
    """Return the verdict on a claim that can be read but not be measured: it is not reproduced."""
    return Verdict(str(claim["say"]), str(claim["measure"]), str(claim["expect"]), "not measured", holds=False)


def measure(expression: str, results: Results) -> Values:
    """Return the values of an expression: one a seed, or the list that a function over an axis gives.

    Raises:
        UserError: the expression is not one, or speaks of what is not there.
    """
    try:
        return np.atleast_1d(np.asarray(_evaluate(_parse(expression), results, expression), dtype=np.float64))
    except ValueError as error:  # such as three seeds minus two, or words where numbers belong
        raise UserError(f"cannot measure {expression}: {error}") from error


def _parse(expression: str) -> ast.expr:
    try:
        return ast.parse(expression, mode="eval").body
    except SyntaxError as error:
        raise UserError(f"cannot read the measure {expression}: {error.msg}") from error


def _called(node: ast.Call) -> str:
    """Return the name of the measure or reducer that is called, after a look at how."""
    name = ast.unparse(node.func)
    if name not in MEASURES and name not in REDUCERS:
        raise UserError(f"there is no measure '{name}'{instead(name, [*MEASURES, *REDUCERS])}")
    if name in MEASURES:
        words = {word.arg: word for word in node.keywords if word.arg is not None}
        try:
            inspect.signature(MEASURES[name]).bind(None, *node.args, **words)
        except TypeError as error:
            raise UserError(f"{ast.unparse(node)}: {error}") from error
    return name


def _evaluate(node: ast.expr, results: Results, expression: str) -> Any:
    """Evaluate numbers, words, + - * / and calls of measures: nothing else, so a study from a stranger is safe to check."""
    match node:
        case ast.Constant(value=int() | float() | str() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, results, expression)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_evaluate(left, results, expression), _evaluate(right, results, expression))
        case ast.Call(args=arguments, keywords=keywords):
            if (name := _called(node)) in REDUCERS:
                return _reduce(name, [_evaluate(argument, results, expression) for argument in arguments])
            positional = [_evaluate(argument, results, expression) for argument in arguments]
            named = {word.arg: _evaluate(word.value, results, expression) for word in keywords if word.arg is not None}
            return MEASURES[name](results, *positional, **named)
    raise UserError(f"cannot read '{ast.unparse(node)}' in the measure {expression}: measures are {', '.join(MEASURES)}")


def _reduce(name: str, arguments: list[Any]) -> Values:
    if len(arguments) != 1:
        raise UserError(f"{name} takes one measure, such as {name}(final('valid/accuracy'))")
    return np.atleast_1d(REDUCERS[name](np.asarray(arguments[0], dtype=np.float64)))


REDUCERS: Mapping[str, Callable[[Values], Any]] = {"smallest": np.min, "largest": np.max, "average": np.mean}
OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def _compare(values: Values, expect: str) -> tuple[bool, str]:
    """Return whether values meet an expectation, and how they read.

    Where one is not finite, the mean is NaN, which is in no range and equals nothing.
    """
    is_finite = bool(values.size and np.isfinite(values).all())
    mean, half = float(values.mean()) if is_finite else float("nan"), half_width(values)
    shown = f"{mean:.6g}" if half is None else f"{mean:.4g} ± {half:.2g}"
    if values.size and not is_finite:
        shown = f"{values[0]}" if values.size == 1 else f"[{', '.join(f'{value:.4g}' for value in values)}]"
    text = expect.strip()
    if found := re.fullmatch(rf"([<>]=?)\s*({NUMBER})", text):
        edge = mean + (half or 0.0) * (1 if found[1].startswith("<") else -1)
        edges = [edge] if is_finite else [float(value) for value in values]
        return bool(edges) and all(COMPARISONS[found[1]](each, float(found[2])) for each in edges), shown
    if found := re.fullmatch(rf"in \[\s*({NUMBER})\s*,\s*({NUMBER})\s*\]", text):
        return float(found[1]) <= mean <= float(found[2]), shown
    if found := re.fullmatch(rf"=\s*({NUMBER})(?:\s*(?:\+-|±)\s*({NUMBER}))?", text):
        return abs(mean - float(found[1])) <= float(found[2] or 0.0), shown
    if found := re.fullmatch(r"=\s*\[(.*)\]", text):
        wanted = [float(part) for part in found[1].split(",") if part.strip()]
        listed = ", ".join(f"{value:.3g}" for value in values)
        return len(values) == len(wanted) and bool(np.allclose(values, wanted, rtol=5e-3)), f"[{listed}]"
    raise UserError(f"cannot read the expectation '{expect}': write > 2.29, in [0.19, 0.22], = 0.35 +- 1e-6 or = [0.1, 0.2]")


COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
