"""What the Valley shows of a question: descents, and the directions of the surface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnreg.contracts import Surface
from nnreg.engine.descent import Values
from nnreg.errors import UserError, one_line
from nnreg.play.descents import Descent, walk
from nnreg.play.knobs import colours_of, made_technique
from nnreg.play.question import Question, Rule, command, made_surface
from nnreg.play.stability import largest_stable_rate
from nnreg.runs.descend import distance_to_minimum
from nnreg.settings import Settings


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what the Valley shows of a question: the descents, and the directions of the surface.

    What a rule raises is told beside its name; the others descend.
    """
    question = Question.read(asked)
    surface = made_surface(question)
    rules, descents = [], list[Descent | None]()
    for rule in question.rules:
        shown, descent = _descended(question, rule, surface)
        rules.append(shown)
        descents.append(descent)
    return {
        "rules": rules,
        "directions": directions(surface, [each for each in descents if each is not None]),
        "lowest": lowest_of(surface),
        "tolerance": Settings.tolerance,
        "start": list(question.start or surface.start),
    }


def _descended(question: Question, rule: Rule, surface: Surface) -> tuple[dict[str, Any], Descent | None]:
    shown: dict[str, Any] = {"name": rule.name, **colours_of("optimizer", rule.name)}
    try:
        made = made_technique("optimizer", rule.name, rule.values)
        descent = walk(question, made, surface)
    except UserError as error:
        return shown | {"error": str(error)}, None
    except Exception as error:  # a plugin may fail in any way
        return shown | {"error": f"{type(error).__name__}: {one_line(error)}"}, None
    return shown | {
        "path": rounded(descent.path),
        "heights": rounded(descent.values - (lowest_of(surface) or 0.0)),
        "gradients": rounded(descent.gradients),
        "velocity": None if descent.velocity is None else rounded(descent.velocity),
        "velocity_name": descent.velocity_name,
        "diverged_at": descent.diverged_at,
        "arrived_at": _whole_or_none(descent.summary.get("descent/steps_to_tolerance")),
        "distance": rounded(distance_to_minimum(descent.path, surface)) if surface.minima else None,
        "rate": float(made.rate),
        "bound": None if descent.diverged_at is None else _bound(question, rule, surface),
        "command": command(question, rule),
    }, descent


def _bound(question: Question, rule: Rule, surface: Surface) -> float | None:
    """Return the rate up to which theory has a rule stable, where nothing but the rate decides."""
    return largest_stable_rate(rule.name, rule.values, surface.largest_curvature) if question.is_plain else None


def _whole_or_none(value: float | None) -> int | None:
    return None if value is None else int(value)


def rounded(values: Values) -> Any:
    """Return an array as nested lists, each number to six digits: more than any pixel shows."""
    array = np.asarray(values, dtype=np.float64)
    digits = np.vectorize(lambda value: float(f"{value:.6g}"), otypes=[np.float64])
    return digits(array).tolist() if array.size else array.tolist()


def lowest_of(surface: Surface) -> float | None:
    """Return the height of the lowest minimum, None for a surface without one."""
    return float(np.min(surface.value(np.array(surface.minima, dtype=np.float64)))) if surface.minima else None


@np.errstate(all="ignore")
def directions(surface: Surface, descents: Sequence[Descent]) -> dict[str, Any] | None:
    """Return the eigen-directions of the Hessian at the minimum that the first path came nearest to, steepest first.

    Near a minimum each coordinate along them moves on its own, which is what momentum and step sizes act on. The Hessian is
    that of central differences of the slopes. None for a surface without a minimum; of more than two dimensions only the
    steepest and the flattest are returned.
    """
    if not surface.minima:
        return None
    minima = np.array(surface.minima, dtype=np.float64)
    ends = [descent.path[-1] for descent in descents if descent.diverged_at is None] or [np.array(surface.start)]
    minimum = minima[np.argmin(np.linalg.norm(minima - ends[0], axis=1))]
    hessian = hessian_at(surface, minimum)
    if not np.isfinite(hessian).all():
        return None
    curvatures, vectors = np.linalg.eigh(hessian)
    vectors *= np.sign(vectors[np.argmax(np.abs(vectors), axis=0), np.arange(len(vectors))])
    kept = [len(curvatures) - 1, 0] if len(curvatures) > 1 else [0]
    return {
        "at": minimum.tolist(),
        "curvatures": rounded(curvatures[kept]),
        "vectors": rounded(vectors[:, kept].T),
        "coordinates": [rounded((descent.path - minimum) @ vectors[:, kept]) for descent in descents],
    }


def hessian_at(surface: Surface, point: Values) -> Values:
    """Return the Hessian at a point, (n, n), by central differences of the slopes, symmetric."""
    size = len(point)
    reach = 1e-4 * np.maximum(1.0, np.abs(point))
    ahead = point + np.diag(reach)
    behind = point - np.diag(reach)
    slopes = np.asarray(surface.gradient(ahead) - surface.gradient(behind), dtype=np.float64)
    hessian: Values = slopes / (2 * reach[:, None])
    return (hessian + hessian.T) / 2 if hessian.shape == (size, size) else np.full((size, size), np.nan)
