"""What a claim can measure: functions from the runs of a study to one number a seed, or to the values of a setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nnreg.errors import UserError, instead
from nnreg.records.results import Result, Results

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


_FUNCTIONS = (last, final, lowest, highest, at, sign_changes, steps_until, argmax, argmin, above, top, highest_step)
MEASURES: Mapping[str, Callable[..., Values]] = {function.__name__: function for function in _FUNCTIONS}
