"""The task ``descend``: an optimizer's path on a surface, recorded and drawn.

Recorded by the number of updates made: ``x``, ``y`` and ``value``, the surface's height there, up to the first position that is
not finite. A descent has diverged if it ended, for good, farther than ten times the surface's domain from its middle.
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
from nnreg.records.card import Outcome, RunCard, Status, is_number
from nnreg.records.recorder import Recorder
from nnreg.registry.building import build_technique, read_settings
from nnreg.runs.attempt import Work
from nnreg.runs.fit import check_warmup
from nnreg.runs.request import Request, describe
from nnreg.runs.varying import varied_numbers
from nnreg.settings import DESCEND, PICTURES, Settings

X, Y, VALUE = "x", "y", "value"
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
    start = (float(surface.start[0]), float(surface.start[1])) if settings.start is None else tuple(settings.start)
    card = dataclasses.replace(card, config={**card.config, "start": list(start)})
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
    x, y = card.config["start"]
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
        start=(x, y),
        schedule=factor,
        clip=clip,
        watch=(lambda step, height: pace.observe(Record(step, VALUE, height))) if pace.is_watching else None,
        rng=streams.optimizer,
        noise=streams.batches,
    ).astype(np.float64)
    seconds = time.perf_counter() - began
    path, values, diverged_at = course(path, surface)
    for step, ((x, y), value) in enumerate(zip(path.tolist(), values.tolist(), strict=True)):
        for metric, number in ((X, x), (Y, y), (VALUE, value)):
            recorder.add(Record(step, metric, number))
    for record in rates:
        if record.step < len(path):
            recorder.add(record)
    summary = summarise(path, values, surface, settings.tolerance, is_lost=diverged_at is not None)
    _draw(card, settings, surface, path, summary, diverged_at)
    status: Status = "finished" if diverged_at is None else "diverged"
    return Outcome(status, len(path) - 1, seconds, summary, diverged_at)


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
        path: positions, (n, 2), the first finite.
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
        path: positions, (n, 2), finite.
        values: heights, (n,).
        surface: where.
        tolerance: distance from a minimum that is near.
        is_lost: whether it diverged; only its last position means something then.
    """
    summary = {"descent/x": float(path[-1, 0]), "descent/y": float(path[-1, 1]), "descent/value": float(values[-1])}
    if not is_lost:
        summary["descent/path_length"] = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    if surface.minima and not is_lost:
        distance = np.min([np.linalg.norm(path - minimum, axis=1) for minimum in surface.minima], axis=0)
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

    optimizer, name = (str(card.choices[kind]) for kind in ("optimizer", "surface"))
    parameters = ", ".join(f"{key} {value:g}" for key, value in card.config["optimizer"].items() if is_number(value))
    track = Track(optimizer, card.colour, path, summary.get("descent/value"), diverged_at)
    title = f"How does {optimizer} descend {name.replace('_', ' ')}?"
    picture = draw_paths([track], [Ground(name, surface)], title, Paths(subtitle=parameters))
    save_figure(picture.figure, card.folder / PICTURES[DESCEND])
    if settings.animate != "off" and card.sweep_id is None:
        from nnreg.figures.animation import animate

        animate(picture, card.folder / f"path.{settings.animate}")
