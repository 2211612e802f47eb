"""What a study claims, measured on its runs and checked.

A measure is an expression such as ``last(100, "train/loss", optimizer="adam") - last(100, "train/loss", optimizer="sgd")``.
Each function gives one number a seed, so a difference is paired; conditions choose the runs (``init__std=0.01`` for
``init.std``). ``smallest``, ``largest`` and ``average`` make one number of several. An expectation is ``> 2.29``,
``in [0.19, 0.22]``, ``= -0.350393 +- 5e-7`` or ``= [0.158, 0.293]``. A claim of several seeds speaks of their mean, and must
hold for the whole 95 % interval of it. Where a value is not finite there is no such mean: an inequality must hold for every
value then, and nothing else holds.
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
import numpy.typing as npt

from nnreg.errors import UserError, instead
from nnreg.numerals import chosen
from nnreg.records.results import Result, Results
from nnreg.records.statistics import half_width

Values = npt.NDArray[np.float64]
DIVERGED = "diverged"
LOST = np.array([np.nan])  # of runs that diverged before they had what is asked for: it fulfils no expectation


def _chosen(results: Results, conditions: Mapping[str, Any]) -> Results:
    """Return the runs that fit, in the order of their seeds."""
    try:
        chosen = results.where(**conditions).sorted_by_seed()
    except (KeyError, TypeError) as error:
        raise UserError(f"no run has a setting {error}; conditions are settings, such as optimizer or init__std") from error
    if not len(chosen):
        raise UserError(f"no run fits {dict(conditions)}")
    return chosen


def _series(results: Results, metric: str, conditions: Mapping[str, Any]) -> list[Values]:
    """Return a metric's values for each chosen run, in the order of their seeds."""
    chosen = _chosen(results, conditions)
    series = [run.history.series(metric)[1] for run in chosen]
    if any(values.size == 0 and not _diverged(run) for values, run in zip(series, chosen, strict=True)):
        known = sorted(set().union(*(run.history.metrics for run in chosen)))
        raise UserError(f"some run of {dict(conditions)} recorded no '{metric}'{instead(metric, known)}")
    return [values if values.size else LOST for values in series]


def last(results: Results, count: float, metric: str, **conditions: Any) -> Values:
    """Return the mean of a metric's last ``count`` values."""
    return np.array([values[-int(count) :].mean() for values in _series(results, metric, conditions)])


def final(results: Results, metric: str, **conditions: Any) -> Values:
    """Return a metric's last value."""
    return np.array([values[-1] for values in _series(results, metric, conditions)])


def lowest(results: Results, metric: str, **conditions: Any) -> Values:
    """Return a metric's lowest value."""
    return np.array([values.min() for values in _series(results, metric, conditions)])


def highest(results: Results, metric: str, **conditions: Any) -> Values:
    """Return a metric's highest value."""
    return np.array([values.max() for values in _series(results, metric, conditions)])


def at(results: Results, step: float, metric: str, **conditions: Any) -> Values:
    """Return a metric's value at a step; NaN for a run that diverged before it came so far."""
    found = []
    for run in _chosen(results, conditions):
        steps, values = run.history.series(metric)
        if int(step) in steps:
            found.append(values[steps == int(step)][0])
        elif _diverged(run) and (not steps.size or step > steps[-1]):
            found.append(np.nan)
        else:
            raise UserError(f"no '{metric}' at step {int(step)} in {run.folder.name}")
    return np.array(found)


def sign_changes(results: Results, metric: str, **conditions: Any) -> Values:
    """Return how often a metric's sign changes from one record to the next."""
    return np.array([np.count_nonzero(np.diff(np.sign(values))) for values in _series(results, metric, conditions)])


def steps_until(results: Results, metric: str, below: float, **conditions: Any) -> Values:
    """Return the first step at which a metric was recorded below a value; infinite where it never was."""
    _series(results, metric, conditions)  # every run has it
    found = []
    for run in _chosen(results, conditions):
        steps, values = run.history.series(metric)
        found.append(float(min(steps[values < below], default=np.inf)))
    return np.array(found)


def argmax(results: Results, metric: str, over: str, **conditions: Any) -> Values:
    """Return the value of a setting, such as ``over="init.std"``, at which the mean over seeds of a final metric is highest.

    One at which a run diverged is not the best, whatever it recorded last; NaN where there is no other.
    """
    means = _finite_means(results, metric, over, conditions)
    return np.array([max(means.items(), key=lambda item: item[1])[0]]) if means else LOST


def argmin(results: Results, metric: str, over: str, **conditions: Any) -> Values:
    """Return the value of a setting at which the mean over seeds of a final metric is lowest; no run diverged there either."""
    means = _finite_means(results, metric, over, conditions)
    return np.array([min(means.items(), key=lambda item: item[1])[0]]) if means else LOST


def above(results: Results, metric: str, bound: float, over: str, **conditions: Any) -> Values:
    """Return the values of a setting at which the mean over seeds of a final metric is at least ``bound``, ascending.

    One at which a run diverged is not among them.
    """
    return np.array(sorted(value for value, mean in _means(results, metric, over, conditions).items() if mean >= bound))


def top(results: Results, count: float, metric: str, over: str, **conditions: Any) -> Values:
    """Return the values of a setting in the ``count`` runs with the highest final values of a metric, best first.

    Diverged runs are not among them: NaN stands in the places that the others leave empty.
    """
    chosen = _chosen(results, conditions)
    finals = _outcomes(chosen, metric)
    order = sorted(range(len(chosen)), key=lambda index: -np.nan_to_num(finals[index], nan=-np.inf))[: int(count)]
    return np.array([np.nan if np.isnan(finals[index]) else float(chosen[index].value(over)) for index in order])


def setting(results: Results, name: str, **conditions: Any) -> Values:
    """Return the value of a setting that is a number, such as ``"optimizer.lr"``: what a random search has drawn."""
    chosen = _chosen(results, conditions)
    try:
        return np.array([float(run.value(name)) for run in chosen])
    except (KeyError, TypeError) as error:
        raise UserError(f"some run has no setting '{name}' that is a number") from error


def highest_step(results: Results, metric: str, **conditions: Any) -> Values:
    """Return the step at which a metric was recorded last."""
    _series(results, metric, conditions)  # every run has it
    return np.array([float(run.history.series(metric)[0].max(initial=0)) for run in _chosen(results, conditions)])


def _finite_means(results: Results, metric: str, over: str, conditions: Mapping[str, Any]) -> dict[Any, float]:
    return {value: mean for value, mean in _means(results, metric, over, conditions).items() if np.isfinite(mean)}


def _means(results: Results, metric: str, over: str, conditions: Mapping[str, Any]) -> dict[Any, float]:
    try:
        groups = _chosen(results, conditions).by(over)
    except (KeyError, TypeError) as error:
        raise UserError(f"some run has no setting '{over}' to compare over") from error
    return {value: float(np.mean(_outcomes(runs, metric))) for value, runs in groups.items()}


def _outcomes(runs: Results, metric: str) -> list[float]:
    """Return a metric's last value for each run, NaN for one that diverged: where it got to before is no result."""
    series = _series(runs, metric, {})
    pairs = zip(runs.sorted_by_seed(), series, strict=True)
    return [float("nan") if _diverged(run) else float(values[-1]) for run, values in pairs]


def _diverged(run: Result) -> bool:
    return bool(run.summary["status"] == DIVERGED)


_FUNCTIONS = (last, final, lowest, highest, at, sign_changes, steps_until, argmax, argmin, above, top, highest_step, setting)
MEASURES: Mapping[str, Callable[..., Values]] = {function.__name__: function for function in _FUNCTIONS}


@dataclass(frozen=True)
class Verdict:
    """A claim that was checked.

    Attributes:
        say: the claim in words.
        measure: the expression.
        expect: what was expected.
        measured: what was found, for people: ``0.203 ± 0.011``.
        holds: whether it was reproduced.
        changed: which of the study's settings the runs did not have, such as ``steps=10 (500 in the study)``; "" if they had
            all. It speaks of other runs then, and is not reproduced, whatever was measured.
    """

    say: str
    measure: str
    expect: str
    measured: str
    holds: bool
    changed: str = ""


def read_claim(claim: Mapping[str, str]) -> None:
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


def check_claim(claim: Mapping[str, str], results: Results) -> Verdict:
    """Measure a claim and compare it with what is expected.

    Args:
        claim: ``say``, ``measure`` and ``expect``.
        results: the runs of the study.

    Raises:
        UserError: the claim cannot be read, or speaks of runs or metrics that are not there.
    """
    read_claim(claim)
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
    is_one = is_finite and np.ptp(values) == 0  # whose mean may be off by a rounding
    mean, half = float(values[0] if is_one else values.mean()) if is_finite else float("nan"), half_width(values)
    low, high = mean - (half or 0.0), mean + (half or 0.0)
    shown = f"{chosen(mean)} ± {chosen(half, 2)}" if half is not None else chosen(mean, 6)
    if values.size and not is_finite:
        shown = chosen(values[0]) if values.size == 1 else f"[{', '.join(chosen(value) for value in values)}]"
    text = expect.strip()
    if found := re.fullmatch(rf"([<>]=?)\s*({NUMBER})", text):
        edges = [high if found[1].startswith("<") else low] if is_finite else [float(value) for value in values]
        return bool(edges) and all(COMPARISONS[found[1]](each, float(found[2])) for each in edges), shown
    if found := re.fullmatch(rf"in \[\s*({NUMBER})\s*,\s*({NUMBER})\s*\]", text):
        return float(found[1]) <= low <= high <= float(found[2]), shown
    if found := re.fullmatch(rf"=\s*({NUMBER})(?:\s*(?:\+-|±)\s*({NUMBER}))?", text):
        return max(high - float(found[1]), float(found[1]) - low) <= float(found[2] or 0.0), shown
    if found := re.fullmatch(r"=\s*\[(.*)\]", text):
        wanted = [float(part) for part in found[1].split(",") if part.strip()]
        listed = ", ".join(chosen(value, 3) for value in values)
        return len(values) == len(wanted) and bool(np.allclose(values, wanted, rtol=5e-3)), f"[{listed}]"
    raise UserError(f"cannot read the expectation '{expect}': write > 2.29, in [0.19, 0.22], = 0.35 +- 1e-6 or = [0.1, 0.2]")


COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
