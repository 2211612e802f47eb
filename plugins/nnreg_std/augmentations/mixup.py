"""Mixup: a network is trained between the rows, where its answer should lie between theirs.

    λ ~ Beta(α, α);   x′ᵢ = λ xᵢ + (1 − λ) xⱼ,   y′ᵢ = λ yᵢ + (1 − λ) yⱼ,   j = a permutation of the batch, y as one-hot rows

Source: Zhang, H., Cisse, M., Dauphin, Y. N. & Lopez-Paz, D. (2018), "mixup: Beyond Empirical Risk Minimization", equation 1 and
figure 1, ICLR, https://arxiv.org/abs/1710.09412.

Conventions: as in the authors' code, one λ for a batch. The loss takes the shares of the classes, which for cross-entropy is
their λ L(y) + (1 − λ) L(yⱼ). The training loss is therefore higher than that of the rows as they are; accuracy is measured on
those. Their α is .2 for ImageNet and 1 for CIFAR-10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Augmentation, Targets, check_range


@dataclass
class Mixup(Augmentation):
    """Trains on mixtures of two rows, with mixtures of their classes.

    Args:
        alpha: α, small for mixtures that are nearly one of the two, 1 for all alike, in [0.001, 1000].

    Raises:
        ValueError: alpha is out of its range.
    """

    alpha: float = 0.2
    takes = ("classes",)
    softens = True
    search = {"alpha": (0.05, 2.0)}  # noqa: RUF012 - one for all, never written

    def __post_init__(self) -> None:
        check_range(self, alpha="[0.001, 1000]")

    def begin(self, outputs: int) -> None:
        """Take down the number of classes."""
        self._classes = outputs

    def apply(self, x: Array, y: Targets, rng: np.random.Generator) -> tuple[Array, Targets]:
        """Mix rows in place, and make shares of the classes."""
        lam, j = float(rng.beta(self.alpha, self.alpha)), rng.permutation(len(x))  # λ ~ Beta(α, α)
        shares = np.zeros((len(y), self._classes), x.dtype)
        shares[np.arange(len(y)), y] = lam
        shares[np.arange(len(y)), y[j]] += 1 - lam  # y′ᵢ = λ yᵢ + (1 − λ) yⱼ
        other = x[j]
        other *= 1 - lam
        x *= lam
        x += other  # x′ᵢ = λ xᵢ + (1 − λ) xⱼ
        return x, shares
