"""Writes lookahead.json: where optax's lookahead goes around several rules, step by step, in float64.

    python tests/techniques/oracles/make_lookahead.py

needs jax and optax, which nothing else of the project does; the tests read what it wrote. The problem is that of
make_optimizers.py. Running it again with the versions named in the file writes the same file.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path

import jax
import jax.numpy as jnp
import optax

CURVATURE = [0.01, 0.1, 0.5, 1.0, 3.0, 10.0]
START = [2.0, -1.5, 1.0, 0.8, -0.6, 0.5]
STEPS = 20
CASES = [
    ("sgd", {"lr": 0.1}, optax.sgd(0.1), 5, 0.5),
    ("momentum", {"lr": 0.02}, optax.sgd(0.02, momentum=0.9), 5, 0.5),
    ("adam", {"lr": 0.1}, optax.adam(0.1), 3, 0.8),
    ("adam", {"lr": 0.1}, optax.adam(0.1), 7, 1.0),
]
"""Our inner rule with its settings, optax's, k, and alpha."""


def objective(theta: jax.Array) -> jax.Array:
    """Return ½ Σ curvatureᵢ θᵢ² + Σ log cosh(θᵢ − θᵢ₊₁), the last coordinate coupled to the first."""
    return 0.5 * jnp.sum(jnp.array(CURVATURE) * theta**2) + jnp.sum(jnp.log(jnp.cosh(theta - jnp.roll(theta, -1))))


def trajectory(inner: optax.GradientTransformation, k: int, alpha: float) -> list[list[float]]:
    """Return the fast weights after each step."""
    rule = optax.lookahead(inner, sync_period=k, slow_step_size=alpha)
    params = optax.LookaheadParams.init_synced(jnp.array(START))
    state, found = rule.init(params), []
    for _ in range(STEPS):
        updates, state = rule.update(jax.grad(objective)(params.fast), state, params)
        params = optax.apply_updates(params, updates)
        found.append(params.fast.tolist())
    return found


def main() -> None:
    """Write the file."""
    jax.config.update("jax_enable_x64", True)
    cases = [
        {"inner": inner, "settings": settings, "k": k, "alpha": alpha, "trajectory": trajectory(rule, k, alpha)}
        for inner, settings, rule, k, alpha in CASES
    ]
    content = {
        "made by": "tests/techniques/oracles/make_lookahead.py",
        "versions": {"optax": optax.__version__, "jax": jax.__version__, "python": platform.python_version()},
        "curvature": CURVATURE,
        "start": START,
        "cases": cases,
    }
    Path(__file__).with_name("lookahead.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
