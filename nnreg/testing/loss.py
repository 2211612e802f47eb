"""What every loss must do, whatever its formula."""

from __future__ import annotations

from functools import partial
from types import FunctionType

import numpy as np

from nnreg.contracts import Array, Loss, Targets
from nnreg.contracts.objective import loop_of, targets_of, weighs_rows
from nnreg.engine.batch_loops import KNOWN, text_of
from nnreg.testing.arrays import DTYPES, expect_gradient, gradient, watched
from nnreg.testing.report import Subject, expect, expect_close, expect_equal, skip
from nnreg.testing.usage import Batch, batches

SORTS = {"classes", "soft", "values"}


def it_says_which_targets_it_takes(subject: Subject) -> None:
    """``takes`` names class numbers, values, or both."""
    takes = targets_of(subject.make())
    known = isinstance(takes, tuple) and takes and set(takes) <= SORTS
    expect(known, f"takes must be a tuple of some of {sorted(SORTS)}, got {takes!r}")


def the_gradient_agrees_with_central_differences(subject: Subject) -> None:
    """What is written to ``out`` is the derivative of ``value``, in float64, off the kinks."""
    loss = subject.make()
    for logits, targets in batches(loss):
        out = np.full_like(logits, np.nan)
        loss.value_and_gradient(logits, targets, out=out)
        measured = gradient(partial(_value, loss, targets), logits)
        expect_gradient(out, measured, "the gradient is not the derivative of value")


def the_value_is_the_same_with_and_without_the_gradient(subject: Subject) -> None:
    """Both methods return one float, the same."""
    loss = subject.make()
    for batch in batches(loss):
        alone, beside = loss.value(*batch), loss.value_and_gradient(*batch, out=np.empty_like(batch.logits))
        for value in (alone, beside):
            expect(type(value) is float, f"the loss is a {type(value).__name__}, must be a float")
        expect_close(np.array(beside), np.array(alone), "value_and_gradient is not value", rtol=1e-12, atol=1e-14)


def its_loop_computes_the_same(subject: Subject) -> None:
    """Where a loss brings a plain loop, it is what ``value_and_gradient`` computes, but for the order of sums."""
    loss, found = subject.make(), 0
    for batch in batches(loss, rows=300):
        said = loop_of(loss, batch.targets)
        if said is None:
            continue
        found += 1
        out, its = np.empty_like(batch.logits), np.full_like(batch.logits, np.nan)
        value, dtype = loss.value_and_gradient(*batch, out=out), batch.logits.dtype
        numbers = np.array([getattr(loss, name) for name in said.numbers], dtype)
        loop = FunctionType(said.function.__code__, {**said.function.__globals__, "T": dtype.type})
        expect_close(np.array(loop(numbers, *batch, its)), np.array(value), "its loop is another loss", rtol=1e-9, atol=1e-11)
        expect_close(its, out, "its loop has another gradient", rtol=1e-9, atol=1e-11)
    if not found:
        skip("it has no loop")


def its_loop_is_text_that_can_be_compiled(subject: Subject) -> None:
    """Its loop is a function of its own, of names that a loop may use."""
    loss = subject.make()
    told = [said for batch in batches(loss) if (said := loop_of(loss, batch.targets)) is not None]
    if not told:
        skip("it has no loop")
    for said in told:
        what = f"{getattr(said.function, '__name__', said.function)} is no function at the top of a module that uses"
        expect(text_of(said) is not None, f"{what} {', '.join(sorted(KNOWN))} alone")


def it_is_a_mean_over_rows(subject: Subject) -> None:
    """The loss of a batch is the mean of its rows' losses, and so is the gradient: a batch of one is nothing special."""
    loss = subject.make()
    for batch in batches(loss, rows=4):
        out = np.empty_like(batch.logits)
        value, rows = loss.value_and_gradient(*batch, out=out), []
        for row in range(4):
            part = Batch(batch.logits[row : row + 1], batch.targets[row : row + 1])
            single = np.empty_like(part.logits)
            rows.append((loss.value_and_gradient(*part, out=single), single))
        mean = np.mean([value for value, _ in rows])
        expect_close(np.array(value), np.array(mean), "the loss is not the mean of the rows' losses", rtol=1e-10, atol=1e-12)
        expect_close(out, np.concatenate([part for _, part in rows]) / 4, "nor is the gradient", rtol=1e-10, atol=1e-12)


def the_losses_of_rows_are_those_that_it_is_the_mean_of(subject: Subject) -> None:
    """``row_losses``, where there is one, says what each row costs: the mean of it is the loss."""
    loss = subject.make()
    if not weighs_rows(loss):
        skip("it has no row_losses: it takes no weights of rows")
    for batch in batches(loss):
        found = loss.row_losses(*batch)
        parts = [Batch(batch.logits[row : row + 1], batch.targets[row : row + 1]) for row in range(len(batch.logits))]
        alone = [loss.value_and_gradient(*part, out=np.empty_like(part.logits)) for part in parts]
        expect(found.shape == (len(alone),), f"row_losses returned {found.shape}, must be ({len(alone)},)")
        expect_close(found, np.array(alone), "row_losses is not the loss of each row", rtol=1e-10, atol=1e-12)


def it_only_reads_what_it_is_given(subject: Subject) -> None:
    """Logits and targets are others' memory."""
    loss = subject.make()
    for batch, before in zip(batches(loss), batches(loss), strict=True):
        loss.value(*batch)
        loss.value_and_gradient(*batch, out=np.empty_like(batch.logits))
        for name, array, was in zip(("logits", "targets"), batch, before, strict=True):
            expect_equal(array, was, f"it wrote to the {name}")


def class_numbers_may_have_any_integer_dtype(subject: Subject) -> None:
    """Labels from a file come as bytes."""
    loss = subject.make()
    if "classes" not in targets_of(loss):
        skip("it does not take classes")
    batch = batches(loss)[targets_of(loss).index("classes")]
    for dtype in (np.uint8, np.int8, np.int32, np.uint64):
        value = loss.value(batch.logits, batch.targets.astype(dtype))
        expect(value == loss.value(*batch), f"labels of {dtype.__name__} give another loss")


def large_logits_stay_finite(subject: Subject) -> None:
    """A network that is very sure of itself costs a finite number, and nothing overflows on the way."""
    loss = subject.make()
    for dtype in DTYPES:
        for logits, targets in batches(loss, dtype=dtype):
            out = np.empty_like(logits)
            value = loss.value_and_gradient(logits * dtype(1e4), targets, out=out)
            expect(np.isfinite(value) and np.isfinite(out).all(), f"logits of 1e4 give {value} in {dtype.__name__}")


def a_network_that_diverged_shows_in_the_value(subject: Subject) -> None:
    """NaN among the logits makes the loss NaN: that is how a run is found to have diverged."""
    loss = subject.make()
    for logits, targets in batches(loss):
        logits[1, 2] = np.nan
        with np.errstate(all="ignore"):
            values = loss.value(logits, targets), loss.value_and_gradient(logits, targets, out=np.empty_like(logits))
        expect(not np.isfinite(values).any(), f"with NaN among the logits the loss is {values[0]}")


def a_step_against_the_gradient_lowers_it(subject: Subject) -> None:
    """The sign of the gradient is right where it matters."""
    loss = subject.make()
    for logits, targets in batches(loss):
        out = np.empty_like(logits)
        before = loss.value_and_gradient(logits, targets, out=out)
        expect(loss.value(logits - 1e-3 * out, targets) < before, "a small step against the gradient did not lower the loss")


def it_keeps_the_precision(subject: Subject) -> None:
    """The gradient and every intermediate result have the dtype of the run."""
    for dtype in DTYPES:
        loss = subject.make()
        for plain, targets in batches(loss, rows=5, outputs=4, dtype=dtype):
            with watched(dtype) as array:
                logits, out = array(*plain.shape), array(*plain.shape)
                loss.value(logits, targets)
                loss.value_and_gradient(logits, targets, out=out)


def _value(loss: Loss, targets: Targets, logits: Array) -> float:
    return loss.value(logits, targets)
