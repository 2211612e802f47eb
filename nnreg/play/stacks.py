"""What the spread of initial weights does to a deep stack, and what theory says of it.

Of wide layers with weights of variance σ² and of mean 0, what arrives at each unit is normal, and its variance q follows from
layer to layer, whatever the activation f:

    q₁ = n₀ σ₁² E[x²]    q_{l+1} = n_l σ_{l+1}² E[f(√q_l z)²]    with z ~ N(0, 1)

For ReLU that is a factor of σ²n/2 a layer, and σ²n where f(z) = z, so that spreads of √(2/n) and √(1/n) neither fade nor
explode. σ² is measured on the weights that were drawn, biases are added as they are.

Source: Poole, B. et al. (2016), "Exponential expressivity in deep neural networks through transient chaos", equation 3,
https://arxiv.org/abs/1606.05340; He, K. et al. (2015), "Delving deep into rectifiers", equation 10, https://arxiv.org/abs/1502.01852.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnreg.contracts import Activation, Array, Layer
from nnreg.engine.containers import every_layer
from nnreg.engine.layers import Affine, one_unit
from nnreg.engine.numerics import silently
from nnreg.errors import UserError, one_line
from nnreg.numerals import measured, percent
from nnreg.play.configuration import Asked, told
from nnreg.play.knobs import made_technique
from nnreg.records.outputs import LayerOutputs
from nnreg.registry import entries, palette
from nnreg.registry.nested import split_name
from nnreg.runs.activations import STACKED, Stack, bounds, pass_noise, stacked
from nnreg.settings import ACTIVATIONS, Settings

PLACES = ("activation", "init", "bias", "norm", "dropout", "network")
SETTINGS = ("hidden", "batch", "seed")
BINS = 48
NODES = 81
"""Points of the Gauss-Hermite rule that expectations are taken with."""
KEPT = (0.5, 2.0)
"""Factors over the whole stack between which a signal keeps its size."""
SATURATED = 0.5
"""Share of outputs from which on a layer is called saturated."""


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the layers of a stack put out, what theory says of their spread, and one sentence.

    Args:
        asked: as ``Asked.read`` takes it.

    Raises:
        UserError: it cannot be built, or an activation raised, which is told beside its name.
    """
    wanted = Asked.read(asked, PLACES, SETTINGS, ACTIVATIONS)
    try:
        stack = built(wanted)
        layers, overflow = _passed(stack)
        theory, why_not = expected_spreads(stack, wanted)
    except UserError:
        raise
    except Exception as raised:  # a plugin may fail in any way
        raise UserError(told(raised, wanted)) from raised
    limits = bounds(stack.activation)
    low, high = shared_ends(layers, limits)
    edges = np.linspace(low, high, BINS + 1)
    return {
        "layers": [_shown(layer, edges) for layer in layers],
        "ends": [low, high],
        "theory": theory,
        "why_no_theory": why_not,
        "sentence": outcome(stack, layers, overflow, theory),
        "command": wanted.command(),
        "colour": palette.colour("activation", wanted.techniques.get("activation", ("relu", {}))[0]),
        "depth": len(stack.settings.hidden),
    }


def built(asked: Asked) -> Stack:
    """Return the stack that a page asks for, the same as ``task=activations`` looks at.

    Raises:
        UserError: it cannot be built.
    """
    names = {slot: asked.chosen(slot) for slot in STACKED}
    made = {slot: made_technique(entries.slots()[slot], name, values) for slot, (name, values) in names.items()}
    try:
        settings = Settings(**{"task": ACTIVATIONS, **asked.settings})
    except ValueError as error:
        raise UserError(one_line(error)) from error
    return stacked(settings, made, {slot: split_name(name)[0] for slot, (name, _) in names.items()})


def _passed(stack: Stack) -> tuple[list[LayerOutputs], str]:
    """Return what layers put out, as far as the signal can be followed, and where it overflowed, "" where it did not."""
    layers: list[LayerOutputs] = []
    try:
        layers.extend(pass_noise(stack))
    except FloatingPointError as error:
        return layers, one_line(error)
    return layers, ""


def _shown(layer: LayerOutputs, edges: Array) -> dict[str, Any]:
    clipped = np.clip(layer.sample, edges[0], edges[-1])
    return {
        "counts": (np.histogram(clipped, edges)[0] / clipped.size).tolist(),
        "mean": layer.mean,
        "std": layer.std,
        "saturated": layer.saturated,
        "dead": layer.dead,
    }


def shared_ends(layers: Sequence[LayerOutputs], limits: tuple[float, float]) -> tuple[float, float]:
    """Return the ends of one axis for all layers: the activation's bounds where it has both, else what nearly all outputs fill.

    It is that of the first layer where deeper ones fade, and of the widest where they grow, three times the first at the most:
    what lies beyond is counted at the end.
    """
    if all(map(math.isfinite, limits)):
        return limits
    if not layers:
        return -1.0, 1.0
    tails = np.array([np.quantile(layer.sample, (0.002, 0.998)) for layer in layers])
    widest = 3 * float(np.abs(tails[0]).max()) or 1.0
    low, high = max(float(tails[:, 0].min()), -widest), min(float(tails[:, 1].max()), widest)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


@silently
def expected_spreads(stack: Stack, asked: Asked) -> tuple[list[float] | None, str]:
    """Return the standard deviation of the outputs that theory expects of each layer, or None and why there is none."""
    for kind, plain in (("norm", "none"), ("dropout", "none"), ("network", "mlp")):
        if asked.chosen(kind)[0] != plain:
            return None, f"{kind}={asked.chosen(kind)[0]} changes what a layer passes on, so there is no line of theory"
    f = formula_of(stack.activation)
    if f is None:
        return None, "this activation mixes units or draws, so there is no line of theory"
    z, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    x = stack.x.astype(np.float64)
    second, found = float(np.mean(x**2)), list[float]()
    for layer in [layer for layer in every_layer(stack.network.layers) if isinstance(layer, Affine)][:-1]:
        w, b = layer.weights.theta.astype(np.float64), layer.bias.theta.astype(np.float64)
        q = w.shape[0] * float(np.mean(w**2)) * second + float(np.mean(b**2))
        y = f(math.sqrt(q) * z)
        mean, second = float(weights @ y), float(weights @ y**2)
        found.append(math.sqrt(max(second - mean**2, 0.0)))
    return found, ""


def formula_of(activation: Activation | Layer) -> Any:
    """Return an activation as a function of an array, or None for one that is no function of a single number."""

    def f(z: Array) -> Array:
        unit = one_unit(activation, z)
        assert unit is not None
        y: Array = unit.last[1][:, 0]
        return y

    return f if one_unit(activation, np.zeros(1)) is not None else None


def outcome(stack: Stack, layers: Sequence[LayerOutputs], overflow: str, theory: Sequence[float] | None) -> str:
    """Return in one sentence what became of the signal, and which spread would keep it where theory knows one."""
    depth = len(stack.settings.hidden)
    if overflow:
        return f"The signal explodes: {overflow.partition(':')[0]}."
    first, last = layers[0], layers[-1]
    if not last.std:
        return f"The signal is gone: every output of layer {_first_silent(layers)} is the same, whatever goes in."
    times = last.std / first.std if first.std else math.inf
    each = times ** (1 / max(depth - 1, 1))
    parts = f"each layer multiplies its spread by about {measured(each, 2)}"
    is_bounded = all(map(math.isfinite, bounds(stack.activation)))
    if is_bounded and last.saturated >= SATURATED:
        share = f"{percent(last.saturated, 0)} of the last layer's outputs"
        return f"The units are saturated: at {share} hardly any gradient passes." + _advice(stack)
    if depth == 1:
        return f"One layer makes a spread of {measured(last.std, 2)} of the input's 1."
    if times < KEPT[0]:
        return f"The signal fades: {parts}, and layer {depth} has {measured(last.std, 2)} of the input's 1." + _advice(stack)
    if times > KEPT[1]:
        return f"The signal grows: {parts}, up to {measured(last.std, 2)} in layer {depth}." + _advice(stack)
    return f"The signal keeps its size: {parts}, and layer {depth} still has a spread of {measured(last.std, 2)}."


def _first_silent(layers: Sequence[LayerOutputs]) -> int:
    return next((number for number, layer in enumerate(layers, start=1) if not layer.std), len(layers))


def _advice(stack: Stack) -> str:
    """Return which spread of the weights keeps a small signal, where the activation has a slope at zero."""
    f = formula_of(stack.activation)
    if f is None:
        return ""
    z, weights = np.polynomial.hermite_e.hermegauss(NODES)
    small = 1e-4
    y = f(small * z) - f(np.zeros(1))[0]
    passed = float((weights / weights.sum()) @ y**2) / small**2
    is_centred = abs(float(f(np.zeros(1))[0])) < 1e-6
    if not passed or not math.isfinite(passed) or not is_centred:
        return ""
    units = stack.settings.hidden[-1]
    return f" A spread of {measured(math.sqrt(1 / (passed * units)), 2)} would keep a small one."
