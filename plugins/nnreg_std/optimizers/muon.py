"""Muon: momentum whose every direction in a weight matrix is made equally strong.

    m ← μm + g
    o = NS(g + μm)                                  all its singular values about 1
    W ← W − η√max(1, fan_out / fan_in) · o          hidden matrices; all else takes Adam's step
    NS(x): x ← x / (‖x‖ + ε), then x ← ax + bxxᵀx + c(xxᵀ)²x, five times

Source: Jordan, K., Jin, Y., Boza, V., You, J., Cesista, F., Newhouse, L. & Bernstein, J. (2024), "Muon: An optimizer for
hidden layers in neural networks". https://kellerjordan.github.io/posts/muon/

Conventions: the authors give biases, gains, embeddings and the output layer to Adam, with a learning rate of its own, and in
some networks the first layer too. Here Muon takes all matrices but the last layer's, and Adam's learning rate is a share of
lr, so that schedule and search have one to turn. The authors and torch iterate in bfloat16, this file in the precision of
the parameters; torch averages, m ← μm + (1 − μ)g, which NS makes the same; optax corrects m and g for their start at 0, each
for another step. Steps do not shrink with the gradient, so a schedule that lowers lr belongs to it; weight decay, built in
there, is regularizer=decoupled here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, ParametersView, check_range

A, B, C = 3.4445, -4.7750, 2.0315  # chosen by the authors to lift small singular values fast; most end in 0.7 to 1.2


@dataclass
class Muon(Optimizer):
    """Orthogonalises the momentum of whole matrices; Adam does the rest.

    Args:
        lr: learning rate η, the length of a step in every direction of a matrix, in (0, inf).
        momentum: share μ of the momentum that survives a step, in [0, 1).
        iterations: of Newton and Schulz, in [1, inf).
        eps: ε, added to the norm, in (0, inf).
        adam_share: Adam's learning rate, in units of lr, in (0, inf).
        beta1: Adam's β₁, share of the running gradient that survives a step, in [0, 1).
        beta2: Adam's β₂, the same for the running squared gradient, in [0, 1).
        adam_eps: Adam's ε, keeps the division defined where the gradient is zero, in (0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    search: ClassVar = {"lr": (1e-3, 0.3)}

    lr: float = 0.02
    momentum: float = 0.95
    iterations: int = 5
    eps: float = 1e-7
    adam_share: float = 0.015
    beta1: float = 0.9
    beta2: float = 0.95
    adam_eps: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, momentum="[0, 1)", iterations="[1, inf)", eps="(0, inf)", adam_share="(0, inf)")
        check_range(self, beta1="[0, 1)", beta2="[0, 1)", adam_eps="(0, inf)")

    def bind(self, parameters: ParametersView) -> None:
        """Give the matrix of each layer but the last to Muon, everything else to Adam, each with its state."""
        super().bind(parameters)
        self._muon: list[tuple[Array, ...]] = []
        self._adam: list[tuple[Array, ...]] = []
        for name, (theta, g) in parameters.named.items():
            place = parameters.places[name]
            is_hidden = theta.ndim == 2 and place.role == "weight" and place.layer < place.layers
            states = {f"{name}.{letter}": np.zeros_like(theta) for letter in ("m" if is_hidden else "mv")}
            self.state_vectors |= states  # what save and load take care of
            (self._muon if is_hidden else self._adam).append((theta, g, *states.values()))

    def step(self, t: int, factor: float = 1.0) -> None:
        """Update all bound parameters in place from their gradient."""
        lr = float(self.lr * factor)
        for arrays in self._muon:
            self.update_matrix(*arrays, lr=lr)
        for arrays in self._adam:
            self.update_rest(*arrays, t=t, lr=lr * self.adam_share)

    def update_matrix(self, w: Array, g: Array, m: Array, *, lr: float) -> None:
        """Take Muon's step with one matrix (fan_in, fan_out)."""
        m *= self.momentum
        m += g  # m ← μm + g
        o = orthogonal(g + self.momentum * m, self.iterations, self.eps)  # o = NS(g + μm)
        fan_in, fan_out = w.shape
        w -= lr * math.sqrt(max(1, fan_out / fan_in)) * o  # W ← W − η√max(1, fan_out / fan_in) · o

    def update_rest(self, theta: Array, g: Array, m: Array, v: Array, *, t: int, lr: float) -> None:
        """Take Adam's step."""
        m *= self.beta1
        m += (1 - self.beta1) * g  # m ← β₁m + (1 − β₁)g
        v *= self.beta2
        v += (1 - self.beta2) * g * g  # v ← β₂v + (1 − β₂)g²
        m_hat = m / (1 - self.beta1**t)  # m̂ = m / (1 − β₁ᵗ)
        v_hat = v / (1 - self.beta2**t)  # v̂ = v / (1 − β₂ᵗ)
        theta -= lr * m_hat / (np.sqrt(v_hat) + self.adam_eps)  # θ ← θ − ηm̂ / (√v̂ + ε)


def orthogonal(x: Array, iterations: int, eps: float) -> Array:
    """Return the matrix with the singular vectors of x, (rows, columns), and singular values of about 1."""
    if x.shape[0] > x.shape[1]:
        return orthogonal(x.T, iterations, eps).T  # the smaller products
    x = x / (np.linalg.norm(x) + eps)  # x ← x / (‖x‖ + ε)
    for _ in range(iterations):
        s = x @ x.T
        x = A * x + (B * s + C * s @ s) @ x  # x ← ax + bxxᵀx + c(xxᵀ)²x
    return x
