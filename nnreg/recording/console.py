"""What a person sees of one run: what it composes, a live bar where there is a terminal, and a short table at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from nnreg.records import TEST_ACCURACY, TEST_LOSS, TRAIN_LOSS, VALID_ACCURACY, VALID_LOSS, History, Outcome, Record, RunCard

LABEL_WIDTH = 14


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
            print_line(self._console, label, text)
        self._progress = _progress(self._console)
        self._task = self._progress.add_task("", total=card.steps, loss="-", accuracy="-")
        self._progress.start()

    def write(self, records: Sequence[Record]) -> None:
        """Move the bar."""
        latest = {record.metric: record for record in records}
        shown = {"loss": (TRAIN_LOSS, "{:.4f}"), "accuracy": (VALID_ACCURACY, "{:.1%}")}
        fields = {name: form.format(latest[metric].value) for name, (metric, form) in shown.items() if metric in latest}
        completed = max((record.step for record in records), default=None)
        self._progress.update(self._task, completed=completed, **fields)  # type: ignore[arg-type]

    def close(self, outcome: Outcome, history: History) -> None:
        """Replace the bar by the table."""
        self._progress.stop()
        self._console.print(_results(outcome))
        for label, text in (("", _ending(outcome)), ("run folder", str(self._card.folder)), *self._where_to_look()):
            if text:
                print_line(self._console, label, text)


class SweepLineSink:
    """Prints one line for one job of a sweep, when it has ended."""

    period = float("inf")

    def __init__(self, console: Console) -> None:
        self._console = console

    def open(self, card: RunCard) -> None:
        """Remember which job it is."""
        self._card = card

    def write(self, records: Sequence[Record]) -> None:
        """Stay quiet."""

    def close(self, outcome: Outcome, history: History) -> None:
        """Print the line."""
        self._console.print(escape(job_line(self._card, outcome)), soft_wrap=True, highlight=False)


def composition(card: RunCard) -> list[tuple[str, str]]:
    """Return what a run is made of as (label, text) lines."""
    config = card.config
    lines = [(kind, _technique(card.choices[kind], config[kind])) for kind in ("optimizer", "init", "activation")]
    if card.dataset is not None:
        data = card.dataset
        rows = ", ".join(f"{count:,} {part}" for part, count in data.rows.items())
        lines.append(("dataset", f"{_technique(data.name, config['dataset'])}: {rows} rows; {data.source}"))
        widths = "-".join(map(str, (data.features, *config["hidden"], data.outputs)))
        lines.append(("network", f"{widths}, {card.parameters:,} parameters, {config['dtype']}"))
    extra = [
        f"{kind} {_technique(card.choices[kind], config[kind])}" for kind in ("loss", "regularizer") if kind in card.choices
    ]
    how = "drawn with replacement" if config["sampling"] == "replacement" else "by epoch"
    plan = f"{card.steps:,} steps, batch {config['batch']} {how}, seed {card.seed}"
    return [*lines, ("training", "; ".join([plan, *extra]))]


def print_line(console: Console, label: str, text: str) -> None:
    """Print a labelled line, never folded: paths and links stay whole."""
    console.print(f"[bold]{label:<{LABEL_WIDTH}}[/bold]{escape(text)}", soft_wrap=True, highlight=False)


def job_line(card: RunCard, outcome: Outcome) -> str:
    """Return what one line says of a finished job."""
    metrics = outcome.summary
    parts = [f"#{card.job:<3}"]
    if outcome.status == "finished":
        accuracy = metrics.get("valid/accuracy_final")
        parts += [f"train loss {metrics['train/loss_final']:.4f}", f"valid {accuracy:6.1%}" if accuracy is not None else ""]
        parts += [f"{outcome.seconds:5.1f} s"]
    else:
        parts += [outcome.status.upper(), _ending(outcome)]
    return "  ".join(part for part in (*parts, " ".join(card.overrides)) if part)


def _technique(name: str, parameters: Mapping[str, object]) -> str:
    values = " ".join(f"{key}={value}" for key, value in parameters.items() if key != "name" and value is not None)
    return f"{name} ({values})" if values else name


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn(f"{'':<{LABEL_WIDTH - 1}}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}  valid {task.fields[accuracy]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _results(outcome: Outcome) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in (" " * (LABEL_WIDTH - 2), "final", "best"):
        table.add_column(column, justify="left" if column.isspace() else "right")
    table.add_column("")
    metrics = outcome.summary
    rows = (
        ("train loss", f"{TRAIN_LOSS}_final", f"{TRAIN_LOSS}_best", "{:.4f}", "final: mean of the last 100 steps"),
        ("valid loss", f"{VALID_LOSS}_final", f"{VALID_LOSS}_best", "{:.4f}", ""),
        ("valid acc.", f"{VALID_ACCURACY}_final", f"{VALID_ACCURACY}_best", "{:.2%}", ""),
        ("test loss", TEST_LOSS, "", "{:.4f}", "looked at once, at the end"),
        ("test acc.", TEST_ACCURACY, "", "{:.2%}", ""),
    )
    for label, final, best, form, note in rows:
        if final in metrics:
            shown = [form.format(metrics[key]) if key in metrics else "" for key in (final, best)]
            table.add_row(f"[bold]{label}[/bold]", *shown, f"[dim]{note}[/dim]")
    if outcome.seconds > 0 and outcome.steps:
        table.add_row(
            "[bold]speed[/bold]",
            f"{outcome.steps / outcome.seconds:,.0f}",
            "",
            "[dim]steps per second, evaluation left out[/dim]",
        )
    return table


def _ending(outcome: Outcome) -> str:
    if outcome.status == "diverged":
        return f"diverged at step {outcome.diverged_at}: the training loss was not finite; try a smaller learning rate"
    if outcome.status == "killed":
        return f"interrupted after {outcome.steps:,} steps; what was recorded is kept"
    return outcome.error or ""
