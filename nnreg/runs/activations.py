"""The task ``activations``: normal noise through an untrained network, and what each hidden layer makes of it.

Recorded for each hidden layer, its number as the step: ``outputs/mean``, ``outputs/std``, ``outputs/saturated`` (share of
outputs at which |f′(z)| ≤ 0.05 max |f′|), ``outputs/edges`` (share below .05 or above .95) and ``outputs/dead`` (share of units
with f′(z) = 0 on every row). Outputs are those of the activation, before dropout and before a norm that stands after it. An
activation that mixes units, such as softmax, has no slope: saturated and dead are left out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from omegaconf import DictConfig

from nnreg.contracts import Activation, Array, Layer
from nnreg.engine.containers import every_layer
from nnreg.engine.diagnostics import of_outputs, steepest_slope
from nnreg.engine.history import Record
from nnreg.engine.layers import Activated, one_unit
from nnreg.engine.network import Network
from nnreg.engine.numerics import silently
from nnreg.engine.training import Streams
from nnreg.numerals import chosen
from nnreg.records.card import Outcome, RunCard
from nnreg.records.outputs import LayerOutputs, write_outputs
from nnreg.records.recorder import Recorder
from nnreg.registry import entries
from nnreg.registry.building import build_technique, read_settings
from nnreg.runs.assembly import settle_start
from nnreg.runs.attempt import Work
from nnreg.runs.fit import check_rows, fitting
from nnreg.runs.request import Request, describe
from nnreg.settings import ACTIVATIONS, PICTURES, Settings

QUANTITIES = ("mean", "std", "saturated", "edges", "dead")
STACKED = ("init", "bias", "activation", "network", "norm", "dropout")
"""Places in a configuration whose techniques make a stack."""
FAR = 1e6  # from zero, where an activation is as good as at its bounds


class Stack(NamedTuple):
    """An untrained network, and what is to pass through it.

    Attributes:
        settings: of the run.
        network: its weights drawn.
        x: rows of N(0, 1), as many columns as the first hidden layer has units.
        activation: of its hidden layers.
    """

    settings: Settings
    network: Network
    x: Array
    activation: Activation | Layer


def prepare(request: Request) -> tuple[RunCard, Work]:
    """Build the network that ``batch`` rows of N(0, 1) are to pass through, as many columns as its first layer has units."""
    stack = build_stack(request.config, request.choices)
    card = describe(request)
    return card, Work(lambda recorder: _look(card, stack, recorder))


def build_stack(config: DictConfig, choices: Mapping[str, str]) -> Stack:
    """Build the network of a composed configuration, and draw the noise.

    Args:
        config: settings at the top, one node for each kind.
        choices: kind to the option chosen, for a node that does not name its technique.

    Raises:
        UserError: a setting or a parameter is wrong, or a plugin is broken; one line for the person.
    """
    settings = read_settings(config)
    made = {slot: build_technique(config, choices, slot) for slot in STACKED}
    names = {slot: str(config[slot].get("name") or choices[slot]) for slot in STACKED}
    return stacked(settings, made, names)


def stacked(settings: Settings, made: Mapping[str, Any], names: Mapping[str, str]) -> Stack:
    """Build the network of techniques that are made already, and draw the noise.

    Args:
        settings: of the run.
        made: the technique in each place of ``STACKED``, that stands in no network yet.
        names: of them.

    Raises:
        UserError: they do not go together.
    """
    entered = {slot: entries.find_technique(entries.slots()[slot], name) for slot, name in names.items()}
    check_rows(entered, made, settings.batch)
    streams = Streams.from_seed(settings.seed)
    never: Any = SimpleNamespace(penalty=_never, add_gradient=_never)  # nothing is trained
    with fitting(settings, entered, made, "task=activations"):
        network = Network(
            settings.hidden[0],
            settings.hidden,
            1,
            architecture=made["network"],
            shape=_square(settings.hidden[0]),
            activation=made["activation"],
            loss=never,
            regularizer=never,
            norm=made["norm"],
            dropout=made["dropout"],
            masks=streams.dropout,
            rows=settings.batch,
            dtype=settings.dtype,
        )
        network.initialise(made["init"], streams.init, made["bias"])
        x = streams.batches.standard_normal((settings.batch, settings.hidden[0])).astype(settings.dtype)
        settle_start(names["init"], made["init"], network, lambda: x, streams)
    return Stack(settings, network, x, made["activation"])


def _square(columns: int) -> tuple[int, ...] | None:
    """Return the shape of a row of noise, for layers that look at neighbours: a square, where there is one of that size."""
    side = math.isqrt(columns)
    return (side, side) if side * side == columns else None


def _never(*_: object) -> float:
    raise AssertionError("an untrained network has no objective")


def _look(card: RunCard, stack: Stack, recorder: Recorder) -> Outcome:
    began = time.perf_counter()
    layers = list(pass_noise(stack))
    seconds = time.perf_counter() - began
    for number, layer in enumerate(layers, 1):
        for name, value in _measured(layer).items():
            recorder.add(Record(number, name, value))
    limits = bounds(stack.activation)
    write_outputs(card.folder, layers, limits)
    _draw(card, stack.settings, layers, limits)
    return Outcome("finished", 0, seconds, _measured(layers[-1]))


def _measured(layer: LayerOutputs) -> dict[str, float]:
    """Return what is recorded of a layer: saturation and death are left out where the activation has no slope."""
    values = {f"outputs/{quantity}": float(getattr(layer, quantity)) for quantity in QUANTITIES}
    return {name: value for name, value in values.items() if not np.isnan(value)}


def pass_noise(stack: Stack) -> Iterator[LayerOutputs]:
    """Yield what each hidden layer puts out, as in training, first to last.

    Raises:
        FloatingPointError: some output is not finite.
    """
    silently(stack.network.forward)(stack.x, training=True)
    steepest = steepest_slope(stack.activation)
    hidden = (layer for layer in every_layer(stack.network.layers) if isinstance(layer, Activated))
    for number, layer in enumerate(hidden, start=1):
        yield _outputs(layer, number, steepest)


@silently
def _outputs(layer: Activated, number: int, steepest: float) -> LayerOutputs:
    _, y = layer.last
    if not np.isfinite(y).all():
        raise FloatingPointError(f"outputs of layer {number} are not finite: use smaller initial weights")
    measured = of_outputs(layer, steepest)
    return LayerOutputs.of(y, measured.get("saturated", np.nan), measured.get("dead", np.nan))


@silently
def bounds(activation: Activation | Layer) -> tuple[float, float]:
    """Return the least and the greatest value of an activation, infinite where it has none, or where it mixes units."""
    z = np.concatenate([[-FAR, FAR / 2, -FAR / 2, FAR], np.linspace(-10, 10, 2001)])
    unit = one_unit(activation, z)
    if unit is None:
        return -np.inf, np.inf
    y = unit.forward(z.reshape(-1, 1), training=False)
    ends = y[:4, 0]
    grows = [not np.isclose(ends[0], ends[2], rtol=1e-3, atol=1e-3), not np.isclose(ends[1], ends[3], rtol=1e-3, atol=1e-3)]
    low, high = float(y.min()), float(y.max())
    falls = [grow and end < middle for grow, end, middle in zip(grows, ends[[0, 3]], ends[[2, 1]], strict=True)]
    rises = [grow and end > middle for grow, end, middle in zip(grows, ends[[0, 3]], ends[[2, 1]], strict=True)]
    return -np.inf if any(falls) else low, np.inf if any(rises) else high


def _draw(card: RunCard, settings: Settings, layers: Sequence[LayerOutputs], limits: tuple[float, float]) -> None:
    from nnreg.figures.layers import Row, draw_rows
    from nnreg.figures.page import save_figure

    activation, init = card.choices["activation"].replace("_", " "), card.choices["init"].replace("_", " ")
    title = f"What is left of a signal after {len(layers)} layer{'s' if len(layers) > 1 else ''} of {activation}?"
    parameters = " ".join(f"{key} {chosen(value)}" for key, value in card.config["init"].items() if isinstance(value, float))
    extra = [card.choices[kind].replace("_", " ") for kind in ("norm", "dropout") if card.choices[kind] != "none"]
    subtitle = ", ".join(part for part in (f"weights: {init} {parameters}".strip(), *extra) if part)
    note = f"{settings.batch:,} rows of N(0, 1) through untrained layers, seed {card.seed}."
    figure = draw_rows([Row(activation, card.colour, layers, limits)], title, subtitle, note)
    save_figure(figure, card.folder / PICTURES[ACTIVATIONS])
