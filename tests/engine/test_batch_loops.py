"""Both ends of a batch: bytes become the same numbers as by NumPy, losses the same to rounding."""

import dataclasses

import numpy as np
import pytest

from nnreg.contracts.objective import LossLoop
from nnreg.engine.batch_loops import CompiledLoss
from nnreg.engine.rows import Unconverted
from nnreg.registry import entries
from nnreg.registry.building import make_technique
from nnreg.testing.usage import batches

pytestmark = [pytest.mark.slow, pytest.mark.extra("fast")]
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("divisor", [1, 255, 16, 3.7, 1e-3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bytes_become_the_same_numbers_to_the_bit(dtype, divisor):
    kept = np.arange(256, dtype=np.uint8).reshape(16, 16)
    kept.flags.writeable = False
    plain, compiled = (Unconverted(kept, dtype, divisor) for _ in range(2))
    compiled.compile()
    rows, wanted, got = RNG.integers(16, size=40), np.empty((40, 16), dtype), np.empty((40, 16), dtype)
    np.testing.assert_array_equal(compiled.take(rows, got), plain.take(rows, wanted))
    np.testing.assert_array_equal(compiled[3:9], plain[3:9])


OTHERWISE = {
    "softmax_cross_entropy": {"label_smoothing": 0.1},
    "hinge": {"margin": 0.1},
    "huber": {"delta": 0.3},
    "focal": {"gamma": 0.7},
}
CASES = [(name, {}) for name in entries.techniques("loss")] + list(OTHERWISE.items())


def made(name, numbers):
    return make_technique(entries.load_class(entries.find_technique("loss", name)), **numbers)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "numbers"), CASES, ids=lambda said: said if isinstance(said, str) else ",".join(said))
def test_every_loss_has_a_loop_for_all_it_takes_and_is_the_same_to_rounding(name, numbers, dtype):
    loss = made(name, numbers)
    compiled = CompiledLoss(loss, np.dtype(dtype))
    rtol = 2e-6 if dtype == np.float32 else 1e-13
    for batch in batches(loss, rows=300, outputs=7, dtype=dtype):
        batch.logits[:40] *= 30  # some are sure
        out, its = np.empty_like(batch.logits), np.full_like(batch.logits, np.nan)
        wanted = loss.value_and_gradient(*batch, out=out)
        np.testing.assert_allclose(compiled.value_and_gradient(*batch, out=its), wanted, rtol=rtol)
        np.testing.assert_allclose(its, out, rtol=rtol, atol=rtol / 100)
        np.testing.assert_allclose(compiled.value(*batch), wanted, rtol=rtol)
    assert None not in compiled._loops.values()


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "focal", "hinge", "binary_cross_entropy"])
@pytest.mark.parametrize("label", [3, -1])
def test_a_class_that_there_is_not_is_refused(name, label):
    compiled = CompiledLoss(made(name, {}), np.dtype(np.float32))
    with pytest.raises(IndexError):
        compiled.value(np.zeros((2, 3), np.float32), np.array([0, label]))


@pytest.mark.parametrize("value", [1.5, -0.1, np.nan])
def test_what_is_no_probability_is_refused(value):
    compiled = CompiledLoss(made("binary_cross_entropy", {}), np.dtype(np.float32))
    with pytest.raises(ValueError, match=r"values in \[0, 1\]"):
        compiled.value(np.zeros((1, 2), np.float32), np.array([[0.5, value]], np.float32))


@dataclasses.dataclass
class Absolute:
    """A loss whose loop is written by somebody else."""

    function: object
    scale: float = 2.0

    def value_and_gradient(self, logits, targets, out):
        np.multiply(np.sign(logits), self.scale, out=out)
        return float(self.scale * np.abs(logits).sum())

    def loop(self, targets):
        return LossLoop(self.function, ("scale",))


T = np.float32


def plain(numbers, logits, targets, out) -> float:
    total = T(0)
    for i in range(logits.shape[0]):
        for k in range(logits.shape[1]):
            total += abs(logits[i, k])
            out[i, k] = numbers[0] * (T(1) if logits[i, k] > T(0) else T(-1))
    return total * numbers[0]


def foreign(numbers, logits, targets, out) -> float:
    return dataclasses.fields(out)


def untyped(numbers, logits, targets, out) -> float:
    return np.linalg.no_such_function(out)


def test_a_loop_sees_the_numbers_of_its_loss_as_they_are_now():
    loss, logits, out = Absolute(plain), RNG.standard_normal((4, 3)).astype(np.float32), np.empty((4, 3), np.float32)
    compiled = CompiledLoss(loss, np.dtype(np.float32))
    for scale in (2.0, 3.0):
        loss.scale = scale
        assert compiled.value_and_gradient(logits, logits, out) == pytest.approx(scale * np.abs(logits).sum(), rel=1e-6)
        np.testing.assert_array_equal(out, np.sign(logits) * scale)
    assert list(compiled._loops.values()) != [None]


@pytest.mark.parametrize("function", [foreign, untyped, lambda numbers, logits, targets, out: 0.0, print])
def test_a_loop_that_cannot_be_compiled_is_left_for_the_formula(function):
    loss, logits, out = Absolute(function), RNG.standard_normal((4, 3)).astype(np.float32), np.empty((4, 3), np.float32)
    compiled = CompiledLoss(loss, np.dtype(np.float32))
    assert compiled.value_and_gradient(logits, logits, out) == pytest.approx(2 * np.abs(logits).sum(), rel=1e-6)
    assert list(compiled._loops.values()) == [None]
