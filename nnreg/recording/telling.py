"""What a person is told of a run that trains nothing: a descent, or a look at untrained layers."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from nnreg.engine.history import History
from nnreg.records.card import Outcome, RunCard
from nnreg.settings import DESCEND, task_of

OUTPUTS = {
    "mean": "mean",
    "std": "std",
    "saturated": "saturated",
    "dead": "dead units",
    "edges": "< .05 or > .95",
}


def technique(name: str, parameters: Mapping[str, object]) -> str:
    """Return a technique with its parameters: ``adam (lr=0.001 beta1=0.9)``."""
    values = " ".join(f"{key}={value}" for key, value in parameters.items() if key != "name" and value is not None)
    return f"{name} ({values})" if values else name


def composition(card: RunCard) -> list[tuple[str, str]]:
    """Return what a run is made of as (label, text) lines."""
    config, choices = card.config, card.choices
    if task_of(config) == DESCEND:
        x, y = config["start"]
        extra = [f"schedule {technique(choices['schedule'], config['schedule'])}"] if choices["schedule"] != "constant" else []
        extra += [f"{key}={config[key]:g}" for key in ("clip_value", "clip_norm", "warmup") if config.get(key)]
        plan = "; ".join([f"{card.steps:,} updates from ({x:g}, {y:g}), float64", *extra])
        shown = [(kind, technique(choices[kind], config[kind])) for kind in ("optimizer", "surface")]
        return [*shown, ("descent", plan)]
    widths = "-".join(map(str, (config["hidden"][0], *config["hidden"])))
    extra = [f"{kind} {technique(choices[kind], config[kind])}" for kind in ("norm", "dropout") if choices[kind] != "none"]
    network = "; ".join([f"{widths} untrained, biases {technique(choices['bias'], config['bias'])}, {config['dtype']}", *extra])
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
    for name in OUTPUTS.values():
        table.add_column(name, justify="right")
    columns = [history.series(f"outputs/{quantity}")[1] for quantity in OUTPUTS]
    for number, values in enumerate(zip(*columns, strict=True), 1):
        cells = [number_of(value) for value in values[:2]] + [f"{value:.1%}" for value in values[2:]]
        table.add_row(str(number), *cells)
    return table


def ending(card: RunCard, outcome: Outcome) -> str:
    """Return one line on a run that did not finish, or nothing."""
    if outcome.status == "diverged":
        return f"diverged at update {outcome.diverged_at}: the path left the surface for good; try a smaller learning rate"
    return "interrupted" if outcome.status == "killed" else outcome.error or ""


def result(card: RunCard, outcome: Outcome) -> list[str]:
    """Return what the line of a sweep's job says of a run that finished."""
    found = outcome.summary
    if task_of(card.config) == DESCEND:
        steps = found.get("descent/steps_to_tolerance")
        parts = [f"f = {found['descent/value']:<10.4g}"]
        parts += [f"distance {found['descent/distance']:<9.3g}"] if "descent/distance" in found else []
        return [*parts, "not arrived" if steps is None else f"arrived at {steps:.0f}"] if "descent/distance" in found else parts
    return [f"last layer: {number_of(found['outputs/mean'])} ± {number_of(found['outputs/std'])}, "
            f"{found['outputs/saturated']:.0%} saturated, {found['outputs/dead']:.0%} dead"]  # fmt: skip


def shown(metric: str, value: float) -> str:
    """Return a value of the summary as a table shows it."""
    if metric.endswith(("saturated", "dead", "edges")):
        return f"{value:.1%}"
    return f"{value:.0f}" if metric.endswith("steps_to_tolerance") else number_of(value)


def number_of(value: float) -> str:
    """Return a number with four digits that matter."""
    return f"{value:.4g}"


def _descent(card: RunCard, outcome: Outcome) -> list[tuple[str, str]]:
    found, tolerance = outcome.summary, card.config["tolerance"]
    lines = [("position", f"({_place(found['descent/x'])}, {_place(found['descent/y'])})")]
    lines += [("value", f"{found['descent/value']:.6g}")] if "descent/value" in found else []
    if "descent/distance" in found:
        lines.append(("distance", f"{found['descent/distance']:.6g} from the nearest minimum"))
        steps = found.get("descent/steps_to_tolerance")
        where = f"within {tolerance:g} of a minimum"
        lines.append(("arrival", f"not {where}" if steps is None else f"{where} from update {steps:,.0f} on"))
    lines += [("path length", f"{found['descent/path_length']:.6g}")] if "descent/path_length" in found else []
    if "descent/stable_below" in found:
        lines.append(("stability", f"plain gradient descent is stable for lr < 2/L = {found['descent/stable_below']:g}"))
    return lines


def _place(coordinate: float) -> str:
    return f"{round(coordinate, 6) + 0.0:.6f}" if abs(coordinate) < 1e6 else f"{coordinate:.6g}"
