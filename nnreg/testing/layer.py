"""What every norm, every dropout, and every activation that is a layer must do; and what norms and dropouts must besides.

What is handed to a layer is always a copy: one that writes to it spoils its own check and no other.
"""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np

from nnreg.contracts import Array, Shape
from nnreg.contracts.columns import MATRIX, Sheet, form_of, twin_of
from nnreg.testing.arrays import DTYPES, expect_gradient, gradient, watch, watched
from nnreg.testing.report import Subject, expect, expect_close, expect_equal, of_kind, skip
from nnreg.testing.usage import ROWS, bound, inputs, units_of, upstream

MANY, WIDE = 40, 50  # units enough that no mask comes twice
ONES = np.ones((MANY, WIDE))


def the_gradient_agrees_with_central_differences(subject: Subject) -> None:
    """``backward`` is the derivative of a training ``forward``, for inputs and parameters, in float64, with the same masks."""
    x = inputs(subject)
    layer, parameters, _ = bound(subject.make(), ROWS)
    parameters.grad[...] = np.nan  # backward overwrites, whatever was there
    dy = upstream(layer.forward(x.copy(), training=True))
    dx = layer.backward(dy.copy()).copy()

    def objective(changed: Array, theta: Array) -> float:
        other, its, _ = bound(subject.make(), ROWS)
        its.theta[...] = theta
        return float((dy * other.forward(changed.copy(), training=True)).sum())

    theta = parameters.theta.copy()
    expect_gradient(dx, gradient(lambda changed: objective(changed, theta), x), "backward returned another dx")
    measured = gradient(lambda changed: objective(x, changed), theta)
    expect_gradient(parameters.grad, measured, "backward wrote another gradient of the parameters")


def what_it_reads_it_never_writes(subject: Subject) -> None:
    """Inputs, the upstream gradient and the parameters are others' memory."""
    x = inputs(subject)
    layer, parameters, _ = bound(subject.make(), ROWS)
    given, theta = x.copy(), parameters.theta.copy()
    dy = upstream(layer.forward(given, training=True))
    given_dy = dy.copy()
    layer.backward(given_dy)
    layer.forward(given, training=False)
    for name, array, before in (("x", given, x), ("dy", given_dy, dy), ("the parameters", parameters.theta, theta)):
        expect_equal(array, before, f"it wrote to {name}")


def backward_belongs_to_the_last_training_forward(subject: Subject) -> None:
    """Looking at the network between forward and backward, as validation does, leaves the gradient alone."""
    x = inputs(subject)
    made = []
    for looks in (False, True):
        layer, parameters, _ = bound(subject.make(), ROWS)
        dy = upstream(layer.forward(x.copy(), training=True))
        if looks:
            layer.forward(x[:5] * 2 + 1, training=False)
        made.append((layer.backward(dy).copy(), parameters.grad))
    for undisturbed, after_a_look in zip(*made, strict=True):
        expect_equal(after_a_look, undisturbed, "an evaluation between forward and backward changed the gradient")


def its_twin_computes_the_same(subject: Subject) -> None:
    """Where a layer brings formulas on columns, they are what its methods compute, but for the order of sums."""
    x = inputs(subject)
    layer, parameters, _ = bound(subject.make(), ROWS)
    other, its, _ = bound(subject.make(), ROWS)
    twin = twin_of(other)
    if twin is None:
        skip("it has no twin")
    arrays = {name: array[: len(x)] if array.ndim == 2 else array for name, array in twin.arrays.items()}
    given = SimpleNamespace(**arrays)
    for step in range(2):
        y, twin_x = layer.forward(x.copy(), training=True).copy(), x.copy()
        twin.draw(len(x))
        twin_y = twin.forward(twin_x, given, len(x))
        _expect_alike(twin_y, y, f"y of training, step {step}")
        dy = upstream(y)
        dx = layer.backward(dy.copy())
        _expect_alike(twin.backward(dy.copy(), twin_x, given, len(x)), dx, f"dx, step {step}")
        expect_equal(twin_x, x, "a formula of the twin wrote its x")
        _expect_alike(its.grad, parameters.grad, f"the gradient of the parameters, step {step}")
        for name, array in layer.state().items():
            _expect_alike(other.state()[name], array, f"the state '{name}', step {step}")
    _expect_alike(twin.evaluate(x.copy(), given, len(x)), layer.forward(x.copy(), training=False), "y of evaluation")


def its_twin_can_be_taken_down(subject: Subject) -> None:
    """Its formulas do nothing to their arrays that a loop could not do."""
    x = inputs(subject)
    twin = twin_of(bound(subject.make(), ROWS)[0])
    if twin is None:
        skip("it has no twin")
    for name in ("forward", "evaluate", "backward"):
        sheet = Sheet(x.dtype, [MATRIX, MATRIX, *(form_of(array, x.shape[1]) for array in twin.arrays.values())])
        own_x, dy, *cells = sheet.cells
        given = SimpleNamespace(**dict(zip(twin.arrays, cells, strict=True)))
        before = () if name != "backward" else (dy,)
        try:
            getattr(twin, name)(*before, own_x, given, len(x))
        except Exception as error:  # whatever it does with an array that a stand-in does not know
            expect(False, f"{name} of its twin cannot be taken down: {type(error).__name__} {error}")


def _expect_alike(got: Array, wanted: Array, what: str) -> None:
    expect_close(np.asarray(got), wanted, f"its twin computes another {what}", rtol=1e-9, atol=1e-11)


def the_first_layer_learns_too(subject: Subject) -> None:
    """With ``need_dx=False`` the gradients of the parameters are written all the same."""
    x = inputs(subject)
    written = []
    for need_dx in (True, False):
        layer, parameters, _ = bound(subject.make(), ROWS)
        if not parameters.theta.size:
            skip("it has no parameters")
        dy = upstream(layer.forward(x.copy(), training=True))
        layer.backward(dy, need_dx=need_dx)
        written.append(parameters.grad)
    expect_equal(written[1], written[0], "with need_dx=False backward wrote another gradient of the parameters")


def it_computes_with_the_parameters_as_they_are_now(subject: Subject) -> None:
    """An optimizer writes into the arrays that ``bind`` was given; a layer that keeps copies never learns."""
    x = inputs(subject)
    layer, parameters, _ = bound(subject.make(), ROWS)
    if not parameters.theta.size:
        skip("it has no parameters")
    before = layer.forward(x.copy(), training=True).copy()
    parameters.theta[...] += 1
    expect(
        (layer.forward(x.copy(), training=True) != before).any(),
        "its parameters changed and its output did not; keep the views",
    )


def evaluation_changes_nothing(subject: Subject) -> None:
    """Outside training it draws no random number, keeps its state, and answers the same every time."""
    x = inputs(subject)
    layer, _, rng = bound(subject.make(), ROWS)
    layer.forward(x.copy(), training=True)
    stream, state = rng.bit_generator.state, _copied(layer.state())
    first = layer.forward(x.copy(), training=False).copy()
    expect_equal(layer.forward(x.copy(), training=False), first, "evaluated twice it answered differently")
    expect(rng.bit_generator.state == stream, "evaluation drew from the stream of random masks")
    for name, array in layer.state().items():
        expect_equal(array, state[name], f"evaluation changed the state '{name}'")


def evaluation_treats_each_row_alone(subject: Subject) -> None:
    """A row's answer does not depend on the batch it comes in; no row at all is fine."""
    x = inputs(subject)
    layer, _, _ = bound(subject.make(), ROWS)
    layer.forward(x.copy(), training=True)
    together = layer.forward(x.copy(), training=False).copy()
    alone = np.concatenate([layer.forward(x[row : row + 1].copy(), training=False).copy() for row in range(ROWS)])
    expect_close(alone, together, "a row evaluated alone has another answer than in a batch", rtol=1e-9, atol=1e-12)
    nothing = layer.forward(x[:0].copy(), training=False).shape
    expect(nothing == (0, together.shape[1]), f"evaluating no rows gave shape {nothing}")


def a_single_row_trains(subject: Subject) -> None:
    """A batch of one gives finite numbers, forward and backward, or is refused with a ValueError that says why."""
    x = inputs(subject)
    layer, parameters, _ = bound(subject.make(), ROWS)
    try:
        y = layer.forward(x[:1].copy(), training=True)
    except ValueError as reason:
        skip(f"it refuses one: {reason}")
    dx = layer.backward(upstream(y))
    finite = all(np.isfinite(array).all() for array in (y, dx, parameters.grad))
    expect(finite and len(y) == 1 and dx.shape == x[:1].shape, "training on a single row gave a result that is not finite")


def a_smaller_batch_than_it_was_bound_for_is_fine(subject: Subject) -> None:
    """Bound for more rows than it is given, it computes what it would if bound for just these."""
    x = inputs(subject)
    results = []
    for capacity in (ROWS, 3 * ROWS):
        layer, parameters, _ = bound(subject.make(), capacity)
        y = layer.forward(x.copy(), training=True).copy()
        results.append((y, layer.backward(upstream(y)).copy(), parameters.grad))
    for exact, roomy in zip(*results, strict=True):
        expect_close(roomy, exact, "bound for more rows than it was given, it computed something else", rtol=1e-9, atol=1e-12)


def copies_do_not_share_their_state(subject: Subject) -> None:
    """A network has one copy of the prototype for each place; training one leaves the others alone."""
    x = inputs(subject)
    prototype = subject.make()
    alone, _, _ = bound(copy.deepcopy(prototype), ROWS)
    for _ in range(3):
        alone.forward(x.copy(), training=True)
    wanted = alone.forward(x.copy(), training=False).copy()
    here, _, _ = bound(copy.deepcopy(prototype), ROWS)
    there, _, _ = bound(copy.deepcopy(prototype), ROWS, seed=1)
    for _ in range(3):
        here.forward(x.copy(), training=True)
        there.forward(5 + 2 * x, training=True)
    expect_equal(here.forward(x.copy(), training=False), wanted, "training a second copy changed this one")


def its_state_is_all_it_remembers(subject: Subject) -> None:
    """Parameters and the arrays of ``state()``, copied into a new layer, give the same answers: a checkpoint is complete."""
    x = inputs(subject)
    trained, _, _ = bound(subject.make(), ROWS)
    for shift in range(3):
        trained.forward(x + shift, training=True)
    fresh, _, _ = bound(subject.make(), ROWS)
    expect(set(fresh.state()) == set(trained.state()), "state() names other arrays before training than after")
    for name, array in trained.state().items():
        fresh.state()[name][...] = array
    expect_equal(
        fresh.forward(x.copy(), training=False),
        trained.forward(x.copy(), training=False),
        "a new layer with a trained one's state() copied into its own answers differently; return the arrays themselves",
    )


def renewed_statistics_are_those_of_the_batches_they_were_collected_from(subject: Subject) -> None:
    """``renew(k)`` forgets what was seen before, and each batch counts the same; ``renew(0)`` is training again."""
    x = inputs(subject)
    if not (prototype := bound(subject.make(), ROWS)[0]).renew(1):
        expect(not prototype.renew(0), "renew(1) returned False and renew(0) True; it has running statistics or not")
        skip("it collects no running statistics anew")
    collected = []
    for history, batches in ((0, (x, x + 1)), (3, (x, x + 1)), (3, (x + 1, x))):
        layer, _, _ = bound(subject.make(), ROWS)
        for _ in range(history):
            layer.forward(5 + 2 * x, training=True)
        for k, batch in enumerate(batches, 1):
            expect(layer.renew(k), f"renew({k}) returned False, renew(1) True")
            layer.forward(batch.copy(), training=True)
        layer.renew(0)
        collected.append({name: array.copy() for name, array in layer.state().items()})
    for other in collected[1:]:
        for name, array in collected[0].items():
            what = f"renewed from the same two batches after another past or in another order, '{name}' is another"
            expect_close(other[name], array, what, rtol=1e-9, atol=1e-12)
    _expect_ordinary(subject, x)


def _expect_ordinary(subject: Subject, x: Array) -> None:
    """Demand that a layer that was told renew(0) collects as one that never heard of it."""
    told, untold = (bound(subject.make(), ROWS)[0] for _ in range(2))
    told.renew(1)
    told.renew(0)
    for layer in (told, untold):
        layer.forward(x.copy(), training=True)
    for name, array in untold.state().items():
        expect_equal(told.state()[name], array, f"after renew(0) training collects '{name}' otherwise than before")


def it_keeps_the_precision(subject: Subject) -> None:
    """Outputs and every intermediate result have the dtype of the run, those in the layer's own arrays too."""
    for dtype in DTYPES:
        layer, _, _ = bound(subject.make(), ROWS, dtype)
        watch(layer, dtype)
        with watched(dtype) as array:
            x = array(ROWS, units_of(subject.make()))
            for training in (True, False):
                y = layer.forward(x, training=training)
                expect(y.dtype == dtype, f"forward returned {y.dtype} in a {dtype.__name__} run")
                if training:
                    dx = layer.backward(array(*y.shape))
                    expect(dx.dtype == dtype, f"backward returned {dx.dtype} in a {dtype.__name__} run")


@of_kind("norm")
def its_position_is_before_or_after_the_activation(subject: Subject) -> None:
    """The network asks it where in a hidden layer it stands."""
    position = subject.make().position
    expect(position in ("before", "after"), f"position must be 'before' or 'after' the activation, got {position!r}")


@of_kind("norm")
def gains_and_shifts_are_not_decayed(subject: Subject) -> None:
    """Its parameters have a start of their own: no init fills them, no regularizer pulls them to zero."""
    _, shapes = subject.make().build(5)
    odd = [shape.name for shape in map(Shape._make, shapes) if shape.decays or shape.start is None]
    expect(not odd, f"{', '.join(odd)} must have decays=False and a start, such as 1 for a gain")


@of_kind("dropout")
def masks_differ_from_step_to_step(subject: Subject) -> None:
    """Two batches in a row, and two layers with one stream, meet different masks."""
    if subject.technique.is_identity:  # type: ignore[attr-defined]
        skip("it drops nothing")
    layer, _, _ = bound(subject.make(), MANY, units=WIDE)
    first = layer.forward(ONES.copy(), training=True).copy()
    expect((first != ONES).any(), f"of {ONES.size:,} units it dropped none in training")
    expect((layer.forward(ONES.copy(), training=True) != first).any(), "the second step had the same mask as the first")


@of_kind("dropout")
def masks_come_from_the_stream_it_was_bound_to(subject: Subject) -> None:
    """Another seed of the run gives other masks, the same seed the same ones."""
    if subject.technique.is_identity:  # type: ignore[attr-defined]
        skip("it drops nothing")
    made = []
    for seed in (0, 0, 1):
        layer, _, _ = bound(subject.make(), MANY, seed=seed, units=WIDE)
        made.append(layer.forward(ONES.copy(), training=True).copy())
    expect_equal(made[1], made[0], "the same stream gave another mask")
    expect((made[2] != made[0]).any(), "another stream gave the same mask; draw from the rng that bind was given")


@of_kind("dropout")
def it_adds_no_parameters(subject: Subject) -> None:
    """Dropout has nothing to learn."""
    _, shapes = subject.make().build(WIDE)
    expect(not shapes, f"build asked for {', '.join(shape.name for shape in shapes)}")


def _copied(state: object) -> dict[str, Array]:
    return {name: array.copy() for name, array in dict(state).items()}  # type: ignore[call-overload]
