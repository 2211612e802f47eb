"""``python -m nnreg find_lr``: one training at rising learning rates, its curve, and a rate to type."""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnreg.console import terminal
from nnreg.engine.rising import FEWEST, Rising, Suggestion, measure_rising, rising_rates, suggest_rate
from nnreg.engine.training import clipper, train
from nnreg.errors import UserError
from nnreg.numerals import as_typed, chosen, measured
from nnreg.process import on_cores
from nnreg.records.files import write_whole
from nnreg.runs.assembly import Assembled, assemble
from nnreg.runs.request import Request, describe, own_request
from nnreg.settings import TRAIN, is_of_a_sweep, key_of, task_of

PICTURE, TABLE = "find_lr.png", "find_lr.csv"
FOLDER = "hydra.run.dir=runs/${now:%Y-%m-%d_%H-%M-%S-%f}_find_lr-${run_label:}"


@dataclass(frozen=True)
class Range:
    """The rates that are tried.

    Args:
        low: the first.
        high: the last.
        steps: updates between them.

    Raises:
        UserError: there is nothing between them, or too few updates.
    """

    low: float = 1e-6
    high: float = 10.0
    steps: int = 200

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < float("inf"):
            got = f"got {as_typed(self.low)} and {as_typed(self.high)}"
            raise UserError(f"the rate rises from --low to --high, both above 0, such as --low 1e-6 --high 10, {got}")
        if self.steps < FEWEST:
            raise UserError(f"a curve takes --steps {FEWEST} or more, got {self.steps}")


def words_for(words: Sequence[str], tried: Range) -> list[str]:
    """Return the words of the training that is made, from those of a plain run, whose length and schedule do not count.

    Raises:
        UserError: a sweep is asked for, or a training of no updates is to follow.
    """
    if {"-m", "--multirun"} & set(words):
        raise UserError("find_lr makes one training at rising rates, so leave out -m; a sweep is -m optimizer.lr=0.01,0.1")
    for word in words:
        key, value = key_of(word), word.partition("=")[2]
        if key == "hparams_search" or is_of_a_sweep(word):
            raise UserError(f"find_lr makes one training at rising rates, so leave out {word}, which belongs to a sweep")
        if key == "steps" and re.fullmatch(r"-\d+|0+", value):
            raise UserError(f"{word}: the training that follows makes 1 update or more; find_lr makes --steps {tried.steps}")
    left_out = ("steps", "warmup", "patience", "tracking")
    kept = [word for word in words if word.partition("=")[0] not in left_out]
    folder = [] if any(word.startswith("hydra.run.dir=") for word in kept) else [FOLDER]
    return [*kept, *folder, f"steps={tried.steps}", "warmup=0", "tracking=off", "hydra.output_subdir=null"]


def find_rate(request: Request, tried: Range, words: Sequence[str]) -> int:
    """Train at rising rates, write the curve, and print what to type.

    Args:
        request: of the training.
        tried: the rates.
        words: as they were typed, for the line to type.

    Returns:
        The exit code: 0 with a suggestion, 1 without.

    Raises:
        UserError: the run cannot be assembled, or is none that trains.
    """
    if task_of(request.config) != TRAIN:
        raise UserError("find_lr trains a network: leave out task=")
    request = own_request(request)
    with on_cores(request.config.get("threads")):
        run = assemble(request.config, request.choices)
        card = describe(request, run)
        found = _measured(run, tried)
    suggestion = suggest_rate(found)
    request.folder.mkdir(parents=True, exist_ok=True)
    _write_table(request.folder / TABLE, found)
    out = terminal()
    if len(found.rates) > 1:
        from nnreg.figures.page import save_figure
        from nnreg.figures.rising import rising_figure

        rise = f"{len(found.rates)} updates, the rate rising from {as_typed(tried.low)} to {chosen(found.rates[-1], 2)}"
        subtitle = f"{rise}; batch {run.settings.batch}, seed {card.seed}"
        figure = rising_figure(found, suggestion, f"{card.label} on {card.choices['dataset']}", subtitle, card.colour)
        save_figure(figure, request.folder / PICTURE)
        out.print(f"picture       {request.folder / PICTURE}", soft_wrap=True, highlight=False, markup=False)
    for line in _said(found, suggestion, tried, words):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    return 0 if suggestion else 1


def _measured(run: Assembled, tried: Range) -> Rising:
    rates = rising_rates(tried.low, tried.high, tried.steps)
    factors = (rates / run.optimizer.rate).tolist()
    records = train(
        run.network,
        run.optimizer,
        run.splits,
        steps=tried.steps,
        batches=run.batches,
        validate_every=frozenset(),
        schedule=lambda t: factors[t - 1],
        clip=clipper(run.settings.clip_value, run.settings.clip_norm),
        augment=run.augment,
    )
    return measure_rising(records, rates)


def _write_table(path: Path, found: Rising) -> None:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["lr", "loss", "smoothed"])
    rows.writerows(zip(found.rates.tolist(), found.losses.tolist(), found.smoothed.tolist(), strict=True))
    write_whole(path, text.getvalue().encode())


def _said(found: Rising, suggestion: Suggestion | None, tried: Range, words: Sequence[str]) -> list[str]:
    """Return what is printed of a sweep: what to type and why, or what to try instead."""
    between = f"between {as_typed(tried.low)} and {chosen(found.rates[-1] if len(found.rates) else tried.high, 2)}"
    if suggestion is None and found.has_exploded:
        return [f"no suggestion: the loss explodes, and does not fall before, {between}: try --low {as_typed(tried.low / 100)}"]
    if suggestion is None:
        return [f"no suggestion: the loss does not fall {between}: try --high {as_typed(tried.high * 100)}"]
    (high, low), rate = suggestion.drop, f"optimizer.lr={as_typed(suggestion.rate)}"
    end = f"explodes at {chosen(found.rates[-1], 2)}" if found.has_exploded else f"no explosion up to {as_typed(tried.high)}"
    kept = [word for word in words if not re.match(r"optimizer\.([\w.]+\.)?lr=", word)]
    return [
        f"suggestion    type {rate}: there the loss falls fastest; it falls from {measured(high)} at "
        f"{chosen(suggestion.falls_from, 2)} to {measured(low)} at {chosen(suggestion.lowest, 2)}, {end}",
        f"to train      {shlex.join(['python', '-m', 'nnreg', *kept, rate])}",
    ]
