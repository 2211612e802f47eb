"""What a person sees of one run: what it composes, a live bar where there is a terminal, and a short table at the end."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from nnreg import console
from nnreg.console import LABEL_WIDTH, print_folded, print_line
from nnreg.engine.history import START_LOSS, TRAIN_LOSS, EarlyStop, History, Record
from nnreg.errors import UserError
from nnreg.numerals import as_typed, beside, chosen, fixed, measured, percent, whole
from nnreg.records.card import Outcome, RunCard, flattened
from nnreg.records.checkpoint import FILE, load_checkpoint
from nnreg.records.metrics import (
    ARRIVAL,
    DESCENT_DISTANCE,
    DESCENT_VALUE,
    TRAIN_FINAL,
    VALID,
    exact_value,
    heading_of,
    leading_metrics,
    leading_results,
    metric_of,
    metrics_in_order,
    plain_name,
    recorded_by,
    summary_name,
)
from nnreg.registry.varied import VARY, varied_places
from nnreg.settings import ACTIVATIONS, DESCEND, PICTURES, TRAIN, task_of


def technique(name: str, parameters: Mapping[str, object]) -> str:
    """Return a technique with its parameters: ``adam (lr=0.001 beta1=0.9)``; what is ``auto`` is left out."""
    shown = {key: value for key, value in flattened(parameters) if key != "name" and not key.endswith(".name")}
    values = " ".join(f"{key}={value}" for key, value in shown.items() if value not in (None, "auto"))
    return f"{name} ({values})" if values else name


def brief_composition(card: RunCard) -> list[tuple[str, str]]:
    """Return what a run is made of as (label, text) lines."""
    config, choices = card.config, card.choices
    if task_of(config) == DESCEND:
        start = config["start"]
        begin = f"({', '.join(chosen(each) for each in start)})" if len(start) <= 3 else f"a point in {len(start)} dimensions"
        extra = [f"schedule {technique(choices['schedule'], config['schedule'])}"] if choices["schedule"] != "constant" else []
        extra += [f"{key}={as_typed(config[key])}" for key in ("clip_value", "clip_norm", "warmup") if config.get(key)]
        extra += [f"{VARY}.{place} {technique(str(node['name']), node)}" for place, node in varied_places(config)]
        plan = "; ".join([f"{card.steps:,} updates from {begin}, float64", *extra])
        shown = [(kind, technique(choices[kind], config[kind])) for kind in ("optimizer", "surface")]
        return [*shown, ("descent", plan)]
    widths = "-".join(map(str, (config["hidden"][0], *config["hidden"])))
    extra = [f"{kind} {technique(choices[kind], config[kind])}" for kind in ("norm", "dropout") if choices[kind] != "none"]
    network = "; ".join(
        [
            f"{_other_network(card)}{widths} untrained, biases {technique(choices['bias'], config['bias'])}, {config['dtype']}",
            *extra,
        ]
    )
    shown = [(kind, technique(choices[kind], config[kind])) for kind in ("init", "activation")]
    return [*shown, ("network", network), ("input", f"{config['batch']:,} rows of N(0, 1), seed {card.seed}")]


def findings(card: RunCard, outcome: Outcome, history: History) -> Table | list[tuple[str, str]]:
    """Return what was found: a table of layers, or (label, text) lines of a descent."""
    if task_of(card.config) == DESCEND:
        return _descent(card, outcome) if outcome.summary else []
    if not history.metrics:
        return []
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("layer", justify="right")
    measured = [row.name for row in recorded_by(ACTIVATIONS) if row.name in history.metrics]
    for metric in measured:
        table.add_column(heading_of(metric).removeprefix("last "), justify="right")  # of each layer
    columns = [history.series(metric)[1] for metric in measured]
    for number, values in enumerate(zip(*columns, strict=True), 1):
        table.add_row(str(number), *map(exact_value, measured, values))
    return table


def brief_ending(card: RunCard, outcome: Outcome) -> str:
    """Return one line on a run that did not finish, or nothing."""
    if outcome.status == "diverged":
        return f"diverged at update {outcome.diverged_at}: the path left the surface for good; try a smaller learning rate"
    return "interrupted" if outcome.status == "killed" else outcome.error or ""


def result(card: RunCard, outcome: Outcome) -> list[str]:
    """Return what the line of a sweep's job says of a run that finished."""
    found = outcome.summary
    if task_of(card.config) == DESCEND:
        steps = found.get(ARRIVAL)
        parts = [f"f = {exact_value(DESCENT_VALUE, found[DESCENT_VALUE]):<10}"]
        if DESCENT_DISTANCE not in found:
            return parts
        arrival = "not arrived" if steps is None else f"arrived at {exact_value(ARRIVAL, steps)}"
        return [*parts, f"distance {measured(found[DESCENT_DISTANCE]):<9}", arrival]
    mean, std = (exact_value(metric, found[metric]) for metric in ("outputs/mean", "outputs/std"))
    shares = [
        f"{percent(found[f'outputs/{share}'], 0)} {share}" for share in ("saturated", "dead") if f"outputs/{share}" in found
    ]
    return [", ".join([f"last layer: {mean} ± {std}", *shares])]


def _descent(card: RunCard, outcome: Outcome) -> list[tuple[str, str]]:
    found, tolerance = outcome.summary, card.config["tolerance"]
    place = [_place(found[key]) for key in ("descent/x", "descent/y") if key in found]
    lines = [("position", f"({', '.join(place)})")] if place else []
    lines += [("value", measured(found[DESCENT_VALUE], 6))] if DESCENT_VALUE in found else []
    if DESCENT_DISTANCE in found:
        lines.append(("distance", f"{measured(found[DESCENT_DISTANCE], 6)} from the nearest minimum"))
        steps = found.get(ARRIVAL)
        where = f"within {chosen(tolerance)} of a minimum"
        lines.append(("arrival", f"not {where}" if steps is None else f"{where} from update {whole(steps)} on"))
    lines += [("path length", measured(found["descent/path_length"], 6))] if "descent/path_length" in found else []
    if "descent/stable_below" in found:
        lines.append(("stability", f"plain gradient descent is stable for lr < 2/L = {chosen(found['descent/stable_below'])}"))
    return lines


def _place(coordinate: float) -> str:
    return beside(coordinate, COORDINATE)[0] if abs(coordinate) < 1e6 else measured(coordinate, 6)


def _other_network(card: RunCard) -> str:
    """Return which network stands around the hidden layers, where it is no mlp."""
    name = card.choices.get("network", "mlp")
    return "" if name == "mlp" else f"{technique(name, card.config['network'])} "


COORDINATE = 5e-6  # to which a place is told
OTHERS = ("loss", "regularizer", "norm", "dropout", "schedule", "augmentation")


class ConsoleSink:
    """Prints one run.

    Args:
        console: where to; the bar appears only if it is a terminal.
        where_to_look: gives, once the run has ended, the lines that say where its page is.
    """

    period = 0.1

    def __init__(self, console: Console, where_to_look: Callable[[], Sequence[tuple[str, str]]]) -> None:
        self._console = console
        self._where_to_look = where_to_look

    def open(self, card: RunCard) -> None:
        """Say what is composed and show an empty bar."""
        self._card = card
        for label, text in composition(card):
            print_folded(self._console, label, text)
        if card.resumed_at is not None:
            print_line(self._console, "resumed", f"after {card.resumed_at:,} of {card.steps:,} steps")
        self._progress = _progress(self._console, has_bar=task_of(card.config) == TRAIN)
        self._task = self._progress.add_task("", total=card.steps, loss="-", quality="-")
        self._progress.start()

    def write(self, records: Sequence[Record]) -> None:
        """Move the bar."""
        latest = {record.metric: record for record in records}
        bar = {"loss": [TRAIN_LOSS], "quality": leading_metrics(VALID)}
        fields = {name: exact_value(m, latest[m].value) for name, metrics in bar.items() for m in metrics if m in latest}
        completed = max((record.step for record in records), default=None)
        self._progress.update(self._task, completed=completed, **fields)  # type: ignore[arg-type]

    def close(self, outcome: Outcome, history: History) -> None:
        """Replace the bar by the table."""
        self._progress.stop()
        found = _results(outcome) if is_training(self._card) else findings(self._card, outcome, history)
        lines = found if isinstance(found, list) else []
        if isinstance(found, Table):
            self._console.print(found)
        lines = [*lines, ("", _ending(self._card, outcome)), *_pictures(self._card), ("run folder", str(self._card.folder))]
        for label, text in (*lines, *self._where_to_look()):
            if text:
                print_line(self._console, label, text)


class SweepLineSink:
    """Prints one line for one job of a sweep, or for a run in a script, when it has ended."""

    def __init__(self, paper: Console) -> None:
        self._console = paper
        self.period = float("inf") if console.ticking is None else 1.0

    def open(self, card: RunCard) -> None:
        """Remember which job it is."""
        self._card = card
        console.tick()

    def write(self, records: Sequence[Record]) -> None:
        """Let the sweep tell where it stands."""
        console.tick()

    def close(self, outcome: Outcome, history: History) -> None:
        """Print the line."""
        line = job_line(self._card, outcome)
        if console.ticking is None:
            self._console.print(escape(line), soft_wrap=True, highlight=False)
        else:  # above what stays at the bottom
            console.say(line)


def composition(card: RunCard) -> list[tuple[str, str]]:
    """Return what a run is made of as (label, text) lines."""
    if not is_training(card):
        return brief_composition(card)
    config = card.config
    lines = [(kind, technique(card.choices[kind], config[kind])) for kind in ("optimizer", "init", "activation")]
    if card.dataset is not None:
        data = card.dataset
        rows = ", ".join(f"{count:,} {part}" for part, count in data.rows.items())
        lines.append(("dataset", f"{technique(data.name, config['dataset'])}: {rows} rows; {data.source}"))
        widths = "-".join(map(str, (data.features, *config["hidden"], data.outputs)))
        lines.append(("network", f"{_other_network(card)}{widths}, {card.parameters:,} parameters, {config['dtype']}"))
    used = [kind for kind in OTHERS if card.choices.get(kind, "none") not in ("none", "constant")]  # the rest needs no word
    extra = [f"{kind} {technique(card.choices[kind], config[kind])}" for kind in used]
    extra += [f"{key}={as_typed(config[key])}" for key in ("clip_value", "clip_norm", "warmup", "patience") if config.get(key)]
    extra += [f"{VARY}.{place} {technique(str(node['name']), node)}" for place, node in varied_places(config)]
    extra += ["compiled by numba"] if config.get("kernels") == "numba" else []
    extra += [f"on {threads} cores"] if (threads := config.get("threads") or 1) > 1 else []
    plan = f"{card.steps:,} steps, {_batches(config)}, seed {card.seed}"
    return [*lines, ("training", "; ".join([plan, *extra]))]


def _batches(config: Mapping[str, Any]) -> str:
    """Return how a run draws its batches."""
    drawn = config.get("sampler", {"name": "with_replacement"})
    how = {"with_replacement": "drawn with replacement", "epoch": "by epoch"}.get(drawn["name"])
    if drawn["name"] == "full":
        return "all rows in every batch"
    return f"batch {config['batch']} {how or 'by sampler ' + technique(drawn['name'], drawn)}"


def is_training(card: RunCard) -> bool:
    """Tell whether a run trains a network."""
    return task_of(card.config) == TRAIN


def _pictures(card: RunCard) -> list[tuple[str, str]]:
    """Return where the pictures of a run are that trains nothing: they are what it is for."""
    names = () if is_training(card) else (PICTURES[task_of(card.config)], "path.gif", "path.mp4")
    return [("picture", str(card.folder / name)) for name in names if (card.folder / name).exists()]


def job_line(card: RunCard, outcome: Outcome) -> str:
    """Return what one line says of a job of a sweep that has ended, or of a run in a script."""
    metrics = outcome.summary
    parts = [card.label if card.job is None else f"#{card.job:<3}"]
    if outcome.status == "finished" and not is_training(card):
        parts += result(card, outcome)
    elif outcome.status == "finished":
        quality = next((name for name in leading_results(VALID) if name in metrics), None)
        parts += [f"{heading_of(TRAIN_FINAL)} {exact_value(TRAIN_FINAL, metrics[TRAIN_FINAL])}"]
        parts += [f"valid {exact_value(quality, metrics[quality]):>8}"] if quality else []
        parts += [f"{fixed(outcome.seconds, 1):>5} s"]
        stopped_at = outcome.early_stop and outcome.early_stop.stopped_at
        parts += [f"stopped at {stopped_at}"] if stopped_at is not None else []
    else:
        parts += [outcome.status.replace("_", " ").upper(), _ending(card, outcome)]
    which = f"in {_near(card.folder)}" if card.job is None else " ".join(card.overrides)
    return "  ".join(part for part in (*parts, which) if part)


def _near(folder: Path) -> Path:
    """Return a folder as seen from here, if it is below."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _progress(console: Console, *, has_bar: bool) -> Progress:
    return Progress(
        TextColumn(f"{'':<{LABEL_WIDTH - 1}}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}  valid {task.fields[quality]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (console.is_terminal and has_bar),
    )


def _results(outcome: Outcome) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in (" " * (LABEL_WIDTH - 2), "final", "best"):
        table.add_column(column, justify="left" if column.isspace() else "right")
    table.add_column("")
    metrics = outcome.summary
    for name in dict.fromkeys(plain_name(key) for key in metrics_in_order(metrics) if "/" in key and key != START_LOSS):
        values = [metrics.get(key) for key in (summary_name(name), f"{name}_best")]
        cells = ["" if value is None else exact_value(name, value) for value in values]
        table.add_row(f"[bold]{name.replace('/', ' ', 1)}[/bold]", *cells, f"[dim]{metric_of(name).note}[/dim]")
    if outcome.seconds > 0 and outcome.steps:
        table.add_row(
            "[bold]speed[/bold]",
            whole(outcome.steps / outcome.seconds),
            "",
            "[dim]steps per second, evaluation left out[/dim]",
        )
    return table


def _ending(card: RunCard, outcome: Outcome) -> str:
    if not is_training(card):
        return brief_ending(card, outcome)
    if outcome.status == "diverged":
        return f"diverged at step {outcome.diverged_at}: a loss was not finite; try a smaller learning rate"
    if outcome.status == "failed_to_train":
        ends = [exact_value(name, outcome.summary[name]) for name in (TRAIN_FINAL, START_LOSS)]
        return f"failed to train: it ended at a training loss of {ends[0]}, above the {ends[1]} that it began with"
    if outcome.status == "pruned":
        return f"ended at step {outcome.steps:,} by the pruner"
    if outcome.status == "killed":
        return f"interrupted after {outcome.steps:,} steps{_goes_on(card) if card.job is None else ''}"
    if outcome.early_stop is not None and outcome.status == "finished":
        return _early_stop(outcome.early_stop, tested="test/loss" in outcome.summary)
    return outcome.error or ""


def _goes_on(card: RunCard) -> str:
    """Return how to go on with a run, and from which step: that of its last checkpoint."""
    folder = os.path.relpath(card.folder) if card.folder.is_relative_to(Path.cwd()) else str(card.folder)
    how = f"; `python -m nnreg resume {shlex.quote(folder)}` goes on"
    try:
        return f"{how} from step {load_checkpoint(card.folder / FILE).step:,}"
    except UserError:  # there is none, or the disk was full
        return f"{how} from the start: it had no checkpoint yet (see checkpoint_seconds)"


def _early_stop(stop: EarlyStop, *, tested: bool) -> str:
    waited = f"no lower validation loss for {stop.patience} step{'s' if stop.patience > 1 else ''}"
    parts = [] if stop.stopped_at is None else [f"stopped early at step {stop.stopped_at}: {waited}"]
    parts += [] if stop.best_at is None else [f"parameters of step {stop.best_at} are {'tested' if tested else 'the result'}"]
    return "; ".join(parts)
