"""The task ``descend``: an optimizer's path on a surface, recorded and drawn.

Recorded by the number of updates made: ``x``, ``y`` and ``value``, the surface's height there, up to the first position that is
not finite; where a surface has not two dimensions, ``distance`` to the nearest minimum in place of ``x`` and ``y``, and the
picture is the height over the updates. A descent has diverged if it ended, for good, farther than ten times the surface's
domain from its middle.
"""

from __future__ import annotations

import dataclasses
import time

import numpy as np

from nnreg.contracts import Optimizer, Schedule, Surface
from nnreg.contracts.objective import watched_by
from nnreg.engine.descent import Values, descend
from nnreg.engine.history import Record
from nnreg.engine.pace import Pace
from nnreg.engine.training import Streams, clipper
from nnreg.errors import UserError
from nnreg.numerals import chosen
from nnreg.records.card import Outcome, RunCard, Status, is_number
from nnreg.records.recorder import Recorder
from nnreg.registry.building import build_technique, read_settings
from nnreg.runs.attempt import Work
from nnreg.runs.fit import check_warmup
from nnreg.runs.request import Request, describe
from nnreg.runs.varying import varied_numbers
from nnreg.settings import DESCEND, PICTURES, Settings

X, Y, VALUE, DISTANCE = "x", "y", "value", "distance"
LOST = 10.0  # domains away from its middle


def prepare(request: Request) -> tuple[RunCard, Work]:
    """Build everything that a descent needs."""
    settings = read_settings(request.config)
    check_warmup(settings)
    optimizer, surface, schedule = (
        build_technique(request.config, request.choices, slot) for slot in ("optimizer", "surface", "schedule")
    )
    _check_watched(schedule, request.choices["schedule"])
    if settings.animate != "off":
        from nnreg.figures.animation import check_animation

        check_animation(settings.animate)
    card = describe(request)
    _check_dimensions(settings, surface, request.choices["surface"])
    start = [float(each) for each in (surface.start if settings.start is None else settings.start)]
    card = dataclasses.replace(card, config={**card.config, "start": start})
    varied = varied_numbers(request.config, {"optimizer": optimizer, "surface": surface}, settings.steps)
    pace = Pace(schedule, settings.steps, settings.warmup, optimizer.rate, varied)
    return card, Work(lambda recorder: _descend(card, settings, optimizer, surface, pace, recorder))


def _descend(
    card: RunCard,
    settings: Settings,
    optimizer: Optimizer,
    surface: Surface,
    pace: Pace,
    recorder: Recorder,
) -> Outcome:
    clip = clipper(settings.clip_value, settings.clip_norm)
    began = time.perf_counter()
    rates, streams = list[Record](), Streams.from_seed(settings.seed)

    def factor(t: int) -> float:
        rates.extend(pace.rates(t - 1))
        if pace.vary is not None:
            pace.vary(t)
        return pace.factor(t)

    path = descend(
        optimizer,
        surface,
        steps=settings.steps,
        start=card.config["start"],
        schedule=factor,
        clip=clip,
        watch=(lambda step, height: pace.observe(Record(step, VALUE, height))) if pace.is_watching else None,
        rng=streams.optimizer,
        noise=streams.batches,
    ).astype(np.float64)
    seconds = time.perf_counter() - began
    path, values, diverged_at = course(path, surface)
    columns = _columns(path, values, surface)
    for step, numbers in enumerate(zip(*(column.tolist() for column in columns.values()), strict=True)):
        for metric, number in zip(columns, numbers, strict=True):
            recorder.add(Record(step, metric, number))
    for record in rates:
        if record.step < len(path):
            recorder.add(record)
    summary = summarise(path, values, surface, settings.tolerance, is_lost=diverged_at is not None)
    if path.shape[1] == 2 and not card.is_trial:
        _draw(card, settings, surface, path, summary, diverged_at)
    elif not card.is_trial:
        _draw_heights(card, surface, values, diverged_at)
    status: Status = "finished" if diverged_at is None else "diverged"
    return Outcome(status, len(path) - 1, seconds, summary, diverged_at)


def _check_dimensions(settings: Settings, surface: Surface, name: str) -> None:
    count = len(surface.start)
    numbers = "one number" if count == 1 else f"{count} numbers"
    if settings.start is not None and len(settings.start) != count:
        raise UserError(f"start must be a point of surface={name}, {numbers} in brackets, got {len(settings.start)}")
    if settings.animate != "off" and count != 2:
        raise UserError(
            f"animate={settings.animate} needs a surface of two dimensions, surface={name} has {count}: leave it out"
        )


def _columns(path: Values, values: Values, surface: Surface) -> dict[str, Values]:
    """Return what is recorded at each update, by metric."""
    if path.shape[1] == 2:
        return {X: path[:, 0], Y: path[:, 1], VALUE: values}
    return {VALUE: values} | ({DISTANCE: distance_to_minimum(path, surface)} if surface.minima else {})


@np.errstate(all="ignore")
def distance_to_minimum(path: Values, surface: Surface) -> Values:
    """Return how far each position, (n, dimensions), is from the nearest minimum, of which there is at least one."""
    nearest: Values = np.min([np.linalg.norm(path - minimum, axis=1) for minimum in surface.minima], axis=0)
    return nearest


def _check_watched(schedule: Schedule, name: str) -> None:
    for metric in watched_by(schedule):
        if metric != VALUE:
            raise UserError(
                f"schedule={name} watches {metric}, which a descent does not measure: it measures {VALUE}, the height"
            )


@np.errstate(all="ignore")
def course(path: Values, surface: Surface) -> tuple[Values, Values, int | None]:
    """Return a path up to where it is no longer finite, the heights along it, and the update that it was lost with.

    Args:
        path: positions, (n, dimensions), the first finite.
        surface: where.
    """
    values = np.asarray(surface.value(path), dtype=np.float64)
    finite = np.isfinite(path).all(axis=1) & np.isfinite(values)
    count = len(path) if finite.all() else max(int(np.argmin(finite)), 1)
    domain = np.array(surface.domain, dtype=np.float64)
    away = np.abs(path[:count] - domain.mean(axis=1)) > LOST * np.ptp(domain, axis=1)
    inside = np.flatnonzero(~away.any(axis=1))
    returned = int(inside[-1]) + 1 if inside.size else 0  # from here on it is away for good
    diverged_at = returned if returned < count else (count if count < len(path) else None)
    return path[:count], values[:count], diverged_at


@np.errstate(all="ignore")
def summarise(path: Values, values: Values, surface: Surface, tolerance: float, *, is_lost: bool = False) -> dict[str, float]:
    """Return where a path ended, how long it is, and how many updates it took to come near a minimum.

    Args:
        path: positions, (n, dimensions), finite.
        values: heights, (n,).
        surface: where.
        tolerance: distance from a minimum that is near.
        is_lost: whether it diverged; only its last position means something then.
    """
    summary = {"descent/x": float(path[-1, 0]), "descent/y": float(path[-1, 1])} if path.shape[1] == 2 else {}
    summary["descent/value"] = float(values[-1])
    if not is_lost:
        summary["descent/path_length"] = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    if surface.minima and not is_lost:
        distance = distance_to_minimum(path, surface)
        away = np.flatnonzero(distance > tolerance)  # near, and from then on near
        arrived = int(away[-1]) + 1 if away.size else 0
        summary["descent/distance"] = float(distance[-1])
        if arrived < len(path):
            summary["descent/steps_to_tolerance"] = float(arrived)
    if surface.largest_curvature is not None:
        summary["descent/stable_below"] = 2 / surface.largest_curvature
    return {name: value for name, value in summary.items() if np.isfinite(value)}


def _draw(
    card: RunCard, settings: Settings, surface: Surface, path: Values, summary: dict[str, float], diverged_at: int | None
) -> None:
    from nnreg.figures.page import save_figure
    from nnreg.figures.surfaces import Ground, Paths, Track, draw_paths

    optimizer, name, title, parameters = _words(card)
    track = Track(optimizer, card.colour, path, summary.get("descent/value"), diverged_at)
    picture = draw_paths([track], [Ground(name, surface)], title, Paths(subtitle=parameters))
    save_figure(picture.figure, card.folder / PICTURES[DESCEND])
    if settings.animate != "off" and card.sweep_id is None:
        from nnreg.figures.animation import animate

        animate(picture, card.folder / f"path.{settings.animate}")


def _draw_heights(card: RunCard, surface: Surface, values: Values, diverged_at: int | None) -> None:
    from nnreg.figures.heights import Fall, draw_heights, explained, lowest_of
    from nnreg.figures.page import save_figure

    optimizer, _, title, parameters = _words(card)
    fall = Fall(optimizer, card.colour, values - lowest_of(surface), diverged_at)
    save_figure(draw_heights([fall], title, parameters, explained([surface])).figure, card.folder / PICTURES[DESCEND])


def _words(card: RunCard) -> tuple[str, str, str, str]:
    """Return what a picture says: names of the rule and the surface, the question, the rule's numbers."""
    optimizer, name = (str(card.choices[kind]) for kind in ("optimizer", "surface"))
    parameters = ", ".join(f"{key} {chosen(value)}" for key, value in card.config["optimizer"].items() if is_number(value))
    return optimizer, name, f"How does {optimizer} descend {name.replace('_', ' ')}?", parameters
