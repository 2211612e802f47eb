"""Techniques that are wrong, each in one way, beside the checks of nnreg.testing that must notice; nothing else may.

They are made from the healthy techniques that ``python -m nnreg new`` writes.
"""

from __future__ import annotations

import logging
import random
import socket
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from nnreg.contracts import Layer, Shape, Split, Splits, check_range
from nnreg.contracts.objective import LossLoop
from nnreg.registry.templates.kinds import (
    activation,
    augmentation,
    dataset,
    dropout,
    init,
    loss,
    network,
    norm,
    optimizer,
    regularizer,
    sampler,
    schedule,
    surface,
)
from nnreg.registry.templates.layers import activation as activation_layer
from nnreg.registry.templates.wrappers import optimizer as wrapper
from nnreg_std.dropouts._masked import MaskedTwin
from nnreg_std.dropouts.dropout import InvertedDropout
from nnreg_std.losses.mse import MSE

HEALTHY = (
    *(activation, activation_layer, augmentation, dataset, dropout, init, loss, network, norm, optimizer, regularizer),
    *(sampler, schedule, surface, wrapper),
)
MUTANTS: list[tuple[type, set[str], str]] = []


def caught_by(*checks, because="", documented=True):
    """Expect a class to fail exactly these checks; it is documented like what it was made from, unless it documents itself."""

    def register(mutant):
        if documented and not mutant.__doc__:
            healthy = next(each for each in mutant.__mro__ if each.__name__ == "MyRule")
            first, *rest = healthy.__doc__.split("\n\n")
            mutant.__doc__ = "\n\n".join([first, "    Source: made up.", *rest])
        MUTANTS.append((mutant, set(checks), because))
        return mutant

    return register


# --- what a rule around another owes --------------------------------------------------------------------------------------


@caught_by("what_stands_inside_steps", because="took 30 steps and inner none: call self.inner.step(t, factor)")
class StepsAlone(wrapper.MyRule):
    def step(self, t, factor=1.0):
        self.parameters.theta[...] -= self.rate * factor * self.parameters.grad


@caught_by("what_stands_inside_gets_what_it_asks_for", because="inner can neither look again nor draw")
class EquipsItselfAlone(wrapper.MyRule):
    def equip(self, objective, rng):
        self._objective, self._rng = objective, rng


# --- what every kind owes ------------------------------------------------------------------------------------------------


@caught_by("it_is_summed_up_in_one_sentence", "it_says_where_it_comes_from", documented=False)
class Undocumented(optimizer.MyRule):
    pass


@caught_by("it_says_where_it_comes_from")
class FromNowhere(optimizer.MyRule):
    """Steps.

    Args:
        lr: learning rate, in (0, inf).
        beta: share that survives, in [0, 1).
    """


@caught_by("a_varied_number_is_that_of_a_fresh_instance", because="computes otherwise")
class KeepsItsFirstBeta(optimizer.MyRule):
    varies = ("beta",)

    def bind(self, parameters):
        super().bind(parameters)
        self._kept = self.beta

    def update(self, theta, g, m, *, t, lr):
        self.beta, now = self._kept, self.beta
        super().update(theta, g, m, t=t, lr=lr)
        self.beta = now


@caught_by("a_varied_number_is_that_of_a_fresh_instance", because="nothing changed")
@dataclass
class VariesNothing(optimizer.MyRule):
    """Steps, and has a number of no meaning.

    Source: made up.

    Args:
        lr: learning rate, in (0, inf).
        beta: share that survives, in [0, 1).
        idle: means nothing.
    """

    varies: ClassVar = ("idle",)

    idle: float = 1.0


@caught_by("a_varied_number_is_that_of_a_fresh_instance", because="varies names 'lr'")
class VariesTheRate(optimizer.MyRule):
    varies = ("lr",)


@caught_by("every_parameter_has_a_meaning", because="says nothing about beta")
class Silent(optimizer.MyRule):
    """Steps.

    Source: made up.

    Args:
        lr: learning rate, in (0, inf).
    """


@caught_by("every_parameter_has_a_meaning", because="explains gamma")
class Talkative(optimizer.MyRule):
    """Steps.

    Source: made up.

    Args:
        lr: learning rate, in (0, inf).
        beta: share that survives, in [0, 1).
        gamma: not there.
    """


@caught_by("the_declared_search_range_can_be_searched", because="leaves out the default")
class SearchesElsewhere(optimizer.MyRule):
    search: ClassVar = {"lr": (0.1, 1.0)}


@caught_by("the_declared_search_range_can_be_searched", because="0 < low < high")
class SearchesFromZero(optimizer.MyRule):
    search: ClassVar = {"lr": (0.0, 1.0)}


@caught_by("the_declared_search_range_can_be_searched", because="no parameter")
class SearchesWhatIsNot(optimizer.MyRule):
    search: ClassVar = {"rate": (0.1, 1.0)}


@caught_by("the_declared_search_range_can_be_searched", because="beta=1.5 is refused")
class SearchesTooFar(optimizer.MyRule):
    search: ClassVar = {"beta": (0.5, 1.5)}


@caught_by("documented_ranges_are_kept", because="beta=nan is accepted")
class Lenient(optimizer.MyRule):
    def __post_init__(self):
        check_range(self, lr="(0, inf)")


@caught_by("documented_ranges_are_kept", because="beta=0.0 is refused")
class Strict(optimizer.MyRule):
    def __post_init__(self):
        super().__post_init__()
        check_range(self, beta="(0, 1)")


@caught_by("documented_ranges_are_kept", because="without naming beta")
class Vague(optimizer.MyRule):
    def __post_init__(self):
        if not 0 <= self.beta < 1:
            raise ValueError("bad value")
        super().__post_init__()


@caught_by("it_is_built_from_a_configuration", because="must be called otherwise")
@dataclass
class Unconfigurable(optimizer.MyRule):
    """Steps.

    Source: made up.

    Args:
        lr: learning rate, in (0, inf).
        beta: share that survives, in [0, 1).
        name: a word that configurations keep for themselves.
    """

    name: str = "x"


@caught_by("every_choice_is_accepted", because="mode=slow is refused")
@dataclass
class Choosy(optimizer.MyRule):
    """Steps.

    Source: made up.

    Args:
        lr: learning rate, in (0, inf).
        beta: share that survives, in [0, 1).
        mode: how.
    """

    mode: Literal["fast", "slow"] = "fast"

    def __post_init__(self):
        super().__post_init__()
        if self.mode != "fast":
            raise ValueError("mode must be fast")


@caught_by("the_global_generators_are_left_alone")
class DrawsGlobally(optimizer.MyRule):
    def update(self, theta, g, m, *, t, lr):
        np.random.random()  # noqa: NPY002
        super().update(theta, g, m, t=t, lr=lr)


@caught_by("the_global_generators_are_left_alone")
class SeedsGlobally(init.MyRule):
    def fill(self, weight, rng):
        np.random.seed(0)  # noqa: NPY002
        super().fill(weight, rng)


@caught_by("the_global_generators_are_left_alone")
class DrawsFromPython(dataset.MyRule):
    def load(self):
        random.random()
        return super().load()


@caught_by("equal_seeds_give_equal_results", "it_fills_a_view_and_nothing_beside_it", "a_stream_goes_on_from_layer_to_layer")
class OwnEntropy(init.MyRule):
    def fill(self, weight, rng):
        super().fill(weight, np.random.default_rng())


# --- optimizers ----------------------------------------------------------------------------------------------------------


@caught_by("it_changes_the_parameters_in_place", "it_finds_the_bottom_of_a_bowl", because="must write in place")
class Rebinds(optimizer.MyRule):
    def update(self, theta, g, m, *, t, lr):
        theta = theta - lr * g


@caught_by("it_only_reads_the_gradient")
class WritesTheGradient(optimizer.MyRule):
    def update(self, theta, g, m, *, t, lr):
        g *= lr
        theta -= g


@caught_by("instances_do_not_share_their_state")
class SharedState(optimizer.MyRule):
    def bind(self, parameters):
        super().bind(parameters)
        type(self)._walk = vars(self).pop("_walk")


@caught_by("it_drives_one_network")
class Promiscuous(optimizer.MyRule):
    def bind(self, parameters):
        vars(self).pop("parameters", None)
        super().bind(parameters)


@caught_by("the_slices_of_the_buffer_do_not_matter")
class SliceDependent(optimizer.MyRule):
    def update(self, theta, g, m, *, t, lr):
        theta -= lr * g / (np.abs(g).max() + 1)


@caught_by("it_keeps_the_precision", because="given float32 it computes in float64")
class LeaksFloat64(optimizer.MyRule):
    def update(self, theta, g, m, *, t, lr):
        theta -= np.sqrt(lr * lr) * g


@caught_by("a_saved_state_continues_the_identical_trajectory")
class Forgets(optimizer.MyRule):
    def save(self):
        return {"m": np.zeros_like(self.parameters.theta)}


@caught_by(
    "a_saved_state_continues_the_identical_trajectory",
    "no_parameters_and_a_single_one_are_fine",
    because="does not fit",
)
class Misnames(optimizer.MyRule):
    def load(self, state):
        super().load({f"{name}_": vector for name, vector in state.items()} if state["m"].any() else state)


@caught_by("what_save_returned_stays_as_it_was")
class SavesItself(optimizer.MyRule):
    def save(self):
        return self.state_vectors


@caught_by("a_schedule_scales_the_learning_rate")
class Unscheduled(optimizer.MyRule):
    def update(self, theta, g, m, *, t, lr):
        super().update(theta, g, m, t=t, lr=self.lr)


@caught_by(
    "gradients_of_any_size_leave_the_parameters_finite",
    "inputs_and_units_without_gradient_leave_the_parameters_finite",
    because="RuntimeWarning",
)
class DividesByZero(optimizer.MyRule):
    def update(self, theta, g, m, *, t, lr):
        theta -= lr * g / np.abs(g)


@caught_by("inputs_and_units_without_gradient_leave_the_parameters_finite")
class DividesByWhatUnderflows(optimizer.MyRule):
    def step(self, t, factor=1.0):
        for theta, g in self.parameters.named.values():
            squares = np.square(g) + 1e-30
            if theta.size:
                rows, columns = squares.mean(axis=-1, keepdims=True), squares.mean(axis=0, keepdims=True)
                with np.errstate(all="ignore"):
                    theta -= self.lr * factor * g / np.sqrt(rows / squares.mean() * columns)


@caught_by("no_parameters_and_a_single_one_are_fine")
class NeedsSome(optimizer.MyRule):
    def bind(self, parameters):
        parameters.theta.max()
        super().bind(parameters)


@caught_by("it_finds_the_bottom_of_a_bowl")
class GoesUphill(optimizer.MyRule):
    def update(self, theta, g, m, *, t, lr):
        theta += lr * g


# --- rules that ask for more ---------------------------------------------------------------------------------------------


@caught_by("after_a_look_it_goes_on_from_where_it_stood", because="put theta back")
class ForgetsToRestore(optimizer.MyRule):
    looks_again: ClassVar = True

    def step(self, t, factor=1.0):
        theta, grad = self.parameters.theta, self.parameters.grad
        theta += 1e-4 * np.sign(grad)
        self.reevaluate()
        super().step(t, factor)


@caught_by("where_it_stands_still_it_is_evaluated", because="it is evaluated where it never was")
class AveragesFromZero(optimizer.MyRule):
    state = ("m", "average")

    def update(self, theta, g, m, average, *, t, lr):
        super().update(theta, g, m, t=t, lr=lr)
        average += 0.5 * (theta - average)

    def evaluation_parameters(self, out):
        out[...] = self.state_vectors["average"]
        return True


@caught_by("what_it_is_evaluated_with_comes_to_the_bottom_too")
class EvaluatedWhereItBegan(optimizer.MyRule):
    state = ("m", "first")

    def update(self, theta, g, m, first, *, t, lr):
        if t == 1:
            first[...] = theta
        super().update(theta, g, m, t=t, lr=lr)

    def evaluation_parameters(self, out):
        out[...] = self.state_vectors["first"]
        return True


@caught_by("what_it_is_evaluated_with_comes_to_the_bottom_too", because="some of 'out' unwritten")
class WritesSome(optimizer.MyRule):
    def evaluation_parameters(self, out):
        out[1:] = self.parameters.theta[1:]
        return self.state_vectors["m"].any()


@caught_by("asking_for_evaluation_parameters_changes_nothing")
class StaysWhereItIsEvaluated(optimizer.MyRule):
    def evaluation_parameters(self, out):
        theta = self.parameters.theta
        theta += 1e-7
        out[...] = theta
        return bool(self.state_vectors["m"].any())


@caught_by("it_makes_no_generator_of_its_own", "a_saved_state_continues_the_identical_trajectory")
class DrawsFromElsewhere(optimizer.MyRule):
    def bind(self, parameters):
        super().bind(parameters)
        self._own = np.random.default_rng(0)

    def step(self, t, factor=1.0):
        super().step(t, factor * self._own.uniform(0.5, 1))


@caught_by("a_saved_state_continues_the_identical_trajectory")
class KeepsANumberToItself(optimizer.MyRule):
    longest = 0.0

    def step(self, t, factor=1.0):
        self.longest = max(self.longest, float(np.abs(self.parameters.grad).max(initial=0)))
        super().step(t, factor / (1 + self.longest))


# --- inits ---------------------------------------------------------------------------------------------------------------


@caught_by("it_writes_every_weight_in_place", because="must write to 'weight'")
class ReturnsWeights(init.MyRule):
    def fill(self, weight, rng):
        super().fill(weight, rng)
        return weight


@caught_by("it_writes_every_weight_in_place", because="(30, 20)")
class OnlySquare(init.MyRule):
    def fill(self, weight, rng):
        super().fill(weight, rng)
        if weight.shape == (30, 20):
            weight[-1] = np.nan


@caught_by("it_fills_a_view_and_nothing_beside_it")
class FillsBeside(init.MyRule):
    def fill(self, weight, rng):
        super().fill(weight, rng)
        if weight.base is not None:
            weight.base[-1] = 0


@caught_by("a_stream_goes_on_from_layer_to_layer", because="identical")
class Repeats(init.MyRule):
    def fill(self, weight, rng):
        state = rng.bit_generator.state
        super().fill(weight, rng)
        rng.bit_generator.state = state


@caught_by("the_spread_does_not_depend_on_the_seed")
class Moody(init.MyRule):
    def fill(self, weight, rng):
        mood = rng.uniform(0.5, 1)
        super().fill(weight, rng)
        weight *= mood


@caught_by("wider_layers_do_not_get_larger_weights")
class Grows(init.MyRule):
    def fill(self, weight, rng):
        super().fill(weight, rng)
        weight *= weight.shape[0]


class Placed(init.MyRule):  # healthy: it takes the place, and begins the last layer smaller
    def fill(self, weight, rng, place=None):
        super().fill(weight, rng)
        weight *= 1 if place is None or place.layer < place.layers else 0.1


@caught_by("any_place_will_do", because="layer 1 of 1")
class NeedsDepth(Placed):
    def fill(self, weight, rng, place=None):
        super().fill(weight, rng, place)
        weight *= np.nan if place.layers == 1 else 1


class Settles(init.MyRule):  # healthy: it scales each layer by what it puts out
    def settle(self, network, batch):
        for name, weight in network.weights.items():
            weight /= network.outputs(name, batch).std()


@caught_by("settling_writes_finite_numbers_and_leaves_the_batch_alone", because="wrote to the batch")
class SettlesTheBatch(Settles):
    def settle(self, network, batch):
        batch -= batch.mean(axis=0)
        super().settle(network, batch)


@caught_by("settling_writes_finite_numbers_and_leaves_the_batch_alone", because="must write to the network's arrays")
class ReturnsTheSettled(Settles):
    def settle(self, network, batch):
        return {name: weight / network.outputs(name, batch).std() for name, weight in network.weights.items()}


@caught_by("settling_writes_finite_numbers_and_leaves_the_batch_alone", because="not finite")
class SettlesToNaN(Settles):
    def settle(self, network, batch):
        for array in network.arrays.values():
            array *= np.nan


@caught_by("settling_writes_finite_numbers_and_leaves_the_batch_alone", because="gave other numbers")
class SettlesByChance(Settles):
    def settle(self, network, batch):
        for weight in network.weights.values():
            weight *= np.random.default_rng().uniform(0.9, 1.1)


# --- activations ---------------------------------------------------------------------------------------------------------


@caught_by("the_gradient_agrees_with_central_differences")
class WrongDerivative(activation.MyRule):
    def backward(self, dy, z, y, out):
        np.divide(dy, 1 + np.abs(z), out=out)


@caught_by("the_gradient_agrees_with_central_differences")
class ForgetsUpstream(activation.MyRule):
    def backward(self, dy, z, y, out):
        super().backward(np.ones_like(dy), z, y, out)


@caught_by("it_writes_its_output_in_place")
class ReturnsY(activation.MyRule):
    def forward(self, z, out):
        super().forward(z, out)
        return out


@caught_by("what_it_reads_it_never_writes", because="'dy'")
class WritesUpstream(activation.MyRule):
    def backward(self, dy, z, y, out):
        super().backward(dy, z, y, out)
        dy[...] = out


@caught_by("each_element_is_on_its_own", "it_writes_its_output_in_place", "the_gradient_agrees_with_central_differences")
class Centres(activation.MyRule):
    def forward(self, z, out):
        super().forward(z - z.sum() / 100, out)


@caught_by("it_keeps_the_precision")
class LeaksDouble(activation.MyRule):
    def forward(self, z, out):
        np.divide(z * np.sqrt(4.0), 2 + 2 * np.abs(z), out=out, casting="same_kind")


@caught_by("large_inputs_stay_finite")
class Overflows(activation.MyRule):
    def forward(self, z, out):
        super().forward(z, out)
        np.exp(z)


@caught_by("a_nan_stays_visible")
class HidesNaN(activation.MyRule):
    def forward(self, z, out):
        super().forward(np.nan_to_num(z), out)


@caught_by("empty_and_single_rows_are_fine")
class NeedsRows(activation.MyRule):
    def forward(self, z, out):
        z.max()
        super().forward(z, out)


# --- activations that are layers -----------------------------------------------------------------------------------------


class Halving(activation_layer.MyRule):  # healthy: it passes half of its units on, and says so
    elementwise: ClassVar = False

    def build(self, fan_in):
        if fan_in % 2:
            raise ValueError(f"it needs an even number of units, got {fan_in}")
        _, shapes = super().build(fan_in // 2)
        return fan_in // 2, shapes

    def forward(self, x, *, training):
        return super().forward(x[:, ::2] + x[:, 1::2], training=training)

    def backward(self, dy, *, need_dx=True):
        return super().backward(dy).repeat(2, axis=1)


@caught_by("its_outputs_are_as_many_as_it_said", because="build said")
class HalvesInSilence(Halving):
    def build(self, fan_in):
        _, shapes = super().build(fan_in)
        return fan_in, shapes


@caught_by("a_width_that_it_cannot_take_is_refused_in_words", because="1 units are refused without naming that number")
class RefusesInSilence(Halving):
    def build(self, fan_in):
        if fan_in % 2:
            raise ValueError("no")
        return super().build(fan_in)


class Noisy(activation_layer.MyRule):  # healthy: it multiplies by what it draws, in training
    def bind(self, weights, rows, dtype, rng):
        super().bind(weights, rows, dtype, rng)
        self._own, self._factors = rng, np.ones((1, 1), dtype)

    def forward(self, x, *, training):
        y = super().forward(x, training=training)
        if training:
            self._factors = self._own.random(x.shape, np.float32).astype(x.dtype)
            y = y * self._factors
        return y

    def backward(self, dy, *, need_dx=True):
        return super().backward(dy * self._factors)


@caught_by("what_it_draws_comes_from_the_stream_it_was_bound_to", because="another stream")
class DrawsOfItsOwn(Noisy):
    def bind(self, weights, rows, dtype, rng):
        super().bind(weights, rows, dtype, np.random.default_rng(5))


@caught_by("where_it_says_elementwise_each_element_is_on_its_own", because="is not dy times")
class MixesUnits(Halving):
    elementwise: ClassVar = True

    def build(self, fan_in):
        return activation_layer.MyRule.build(self, fan_in)

    def forward(self, x, *, training):
        return activation_layer.MyRule.forward(self, x - x[:, :1], training=training)

    def backward(self, dy, *, need_dx=True):
        dx = activation_layer.MyRule.backward(self, dy)
        dx[:, 0] -= dx.sum(axis=1)
        return dx


@caught_by("where_it_says_elementwise_each_element_is_on_its_own", because="asked again")
class AnswersOnce(activation_layer.MyRule):
    def backward(self, dy, *, need_dx=True):
        dx = super().backward(dy)
        self._s = np.full_like(self._s, 0.5)
        return dx


@caught_by("large_inputs_stay_finite")
class LayerOverflows(activation_layer.MyRule):
    def forward(self, x, *, training):
        np.exp(x)
        return super().forward(x, training=training)


@caught_by("a_nan_stays_visible")
class LayerHidesNaN(activation_layer.MyRule):
    def forward(self, x, *, training):
        return super().forward(np.nan_to_num(x), training=training)


# --- layers --------------------------------------------------------------------------------------------------------------


@caught_by("the_gradient_agrees_with_central_differences", because="another dx")
class WrongDx(norm.MyRule):
    def backward(self, dy, *, need_dx=True):
        return 1.001 * super().backward(dy)


@caught_by("the_gradient_agrees_with_central_differences", because="gradient of the parameters")
class AddsUp(norm.MyRule):
    def backward(self, dy, *, need_dx=True):
        before = self._dgain.copy()
        dx = super().backward(dy)
        self._dgain += np.nan_to_num(before) + 0 * before
        return dx


@caught_by("what_it_reads_it_never_writes", because="to x")
class WritesX(norm.MyRule):
    def forward(self, x, *, training):
        y = super().forward(x, training=training)
        x += 1
        return y


@caught_by("backward_belongs_to_the_last_training_forward")
class RemembersEvaluation(norm.MyRule):
    def forward(self, x, *, training):
        return super().forward(x, training=True)


@caught_by("the_first_layer_learns_too")
class NeedsDx(norm.MyRule):
    def backward(self, dy, *, need_dx=True):
        return super().backward(dy) if need_dx else dy


@caught_by("it_computes_with_the_parameters_as_they_are_now", "the_gradient_agrees_with_central_differences")
class KeepsCopies(norm.MyRule):
    def bind(self, weights, rows, dtype, rng):
        super().bind(weights, rows, dtype, rng)
        self._gain = np.ones_like(self._gain)


class Collects(norm.MyRule):
    """Keeps a running mean, and can collect it anew."""

    def bind(self, weights, rows, dtype, rng):
        super().bind(weights, rows, dtype, rng)
        self._mean, self._share = np.zeros_like(weights[0].theta), 0.1

    def forward(self, x, *, training):
        if training:
            self._mean += self._share * (x.mean(axis=0) - self._mean)
        return super().forward(x, training=training)

    def renew(self, k):
        self._share = 1 / k if k else 0.1
        return True

    def state(self):
        return {"mean": self._mean}


@caught_by("renewed_statistics_are_those_of_the_batches_they_were_collected_from", because="after another past")
class CollectsAsInTraining(Collects):
    def renew(self, k):
        return True


@caught_by("renewed_statistics_are_those_of_the_batches_they_were_collected_from", because="otherwise than before")
class NeverEndsItsRenewal(Collects):
    def renew(self, k):
        return super().renew(k or 1)


@caught_by("evaluation_changes_nothing", because="drew")
class DrawsInEvaluation(dropout.MyRule):
    def forward(self, x, *, training):
        self._rng.random(3)
        return super().forward(x, training=training)


@caught_by("evaluation_treats_each_row_alone")
class LooksAround(norm.MyRule):
    def forward(self, x, *, training):
        y = super().forward(x, training=training)
        return y if training else y + x.sum() / 1e3


@caught_by("a_single_row_trains")
class NeedsTwoRows(norm.MyRule):
    def forward(self, x, *, training):
        y = super().forward(x, training=training)
        return y * np.nan if training and len(x) == 1 else y


@caught_by("a_smaller_batch_than_it_was_bound_for_is_fine")
class FixedBatch(norm.MyRule):
    def bind(self, weights, rows, dtype, rng):
        super().bind(weights, rows, dtype, rng)
        self._rows = rows

    def backward(self, dy, *, need_dx=True):
        return super().backward(dy) * (len(dy) / self._rows)


class Running(norm.MyRule):  # healthy: answers in evaluation with a running mean of what it saw in training
    def bind(self, weights, rows, dtype, rng):
        super().bind(weights, rows, dtype, rng)
        self._mean = np.zeros(self._gain.shape, dtype)

    def forward(self, x, *, training):
        if training:
            self._mean += x.mean(axis=0)
        y = super().forward(x, training=training)
        return y if training else y + self._mean

    def state(self):
        return {"mean": self._mean}


@caught_by("its_state_is_all_it_remembers")
class StateForgets(Running):
    def state(self):
        return {}


@caught_by("its_state_is_all_it_remembers", because="the arrays themselves")
class StateCopies(Running):
    def state(self):
        return {"mean": self._mean.copy()}


@caught_by("evaluation_changes_nothing")
class LearnsInEvaluation(Running):
    def forward(self, x, *, training):
        y = super().forward(x, training=training)
        if not training and len(x) > 1:
            self._mean += 1e-13
        return y


@caught_by("copies_do_not_share_their_state")
class SharedRunningMean(Running):
    means: ClassVar[list] = []

    def bind(self, weights, rows, dtype, rng):
        super().bind(weights, rows, dtype, rng)
        if not self.means or self.means[0].dtype != dtype:
            self.means[:] = [np.zeros_like(self._mean)]
        self.means[0][...] = 0
        self._mean = self.means[0]

    def state(self):
        return {}


@caught_by("it_keeps_the_precision")
class LayerLeaksDouble(norm.MyRule):
    def forward(self, x, *, training):
        return super().forward(x, training=training) * np.float64(1)


class Buffered(norm.MyRule):
    # not wrong: writes into an array of its own, multiplies by BLAS, draws a mask in float32 in any run
    __doc__ = norm.MyRule.__doc__.replace("\n\n", "\n\n    Source: made up.\n\n", 1)

    def bind(self, weights, rows, dtype, rng):
        super().bind(weights, rows, dtype, rng)
        self._y, self._eye = np.empty((rows, self._gain.size), dtype), np.eye(self._gain.size, dtype=dtype)
        self._noise = np.empty((rows, self._gain.size), np.float32)

    def forward(self, x, *, training):
        y, noise = self._y[: len(x)], self._noise[: len(x)]
        np.random.default_rng(0).random(out=noise, dtype=np.float32)
        np.greater_equal(noise, -1, out=y)
        y *= super().forward(x, training=training)
        return np.dot(y.copy(), self._eye, out=y)


@caught_by("it_keeps_the_precision", because="given float32 it computes in float64")
class BufferLeaksDouble(Buffered):
    def forward(self, x, *, training):
        y = super().forward(x, training=training)
        np.multiply(self._y[: len(x)], np.float64(1), out=self._y[: len(x)])
        return y


@caught_by("its_position_is_before_or_after_the_activation")
class Lost(norm.MyRule):
    position = "beside"


@caught_by("gains_and_shifts_are_not_decayed", because="gain")
class Decays(norm.MyRule):
    def build(self, fan_in):
        return fan_in, (Shape("gain", (fan_in,), decays=True),)


@caught_by("masks_differ_from_step_to_step")
class OneMask(dropout.MyRule):
    def forward(self, x, *, training):
        state = self._rng.bit_generator.state
        y = super().forward(x, training=training)
        self._rng.bit_generator.state = state
        return y


@caught_by("masks_come_from_the_stream_it_was_bound_to")
class OwnStream(dropout.MyRule):
    def bind(self, weights, rows, dtype, rng):
        super().bind(weights, rows, dtype, np.random.default_rng(0))


@caught_by("the_gradient_agrees_with_central_differences")
class AnotherMaskBackwards(dropout.MyRule):
    def backward(self, dy, *, need_dx=True):
        return dy * self._n[::-1]


@caught_by("it_adds_no_parameters")
class Learns(dropout.MyRule):
    def build(self, fan_in):
        return fan_in, (Shape("gain", (fan_in,), decays=False, start=1.0),)

    def bind(self, weights, rows, dtype, rng):
        super().bind(weights, rows, dtype, rng)
        ((self._gain, self._dgain),) = weights

    def forward(self, x, *, training):
        return super().forward(x, training=training) + self._gain

    def backward(self, dy, *, need_dx=True):
        self._dgain[...] = dy.sum(axis=0)
        return super().backward(dy)


class DoublesInEvaluation(MaskedTwin):
    def evaluate(self, x, a, n):
        return x * 2


@caught_by("its_twin_computes_the_same", because="y of evaluation")
class TwinOfAnother(InvertedDropout):
    """Drops units.

    Source: made up.

    Args:
        rate: probability that a unit is dropped, in [0, 1).
    """

    def twin(self):
        twin = super().twin()
        return DoublesInEvaluation(self, twin.arrays)


class LooksAtValues(MaskedTwin):
    def forward(self, x, a, n):
        return super().forward(x, a, n) if np.isfinite(x).all() else a.y


@caught_by("its_twin_can_be_taken_down", because="forward of its twin cannot be taken down")
class TwinThatBranches(InvertedDropout):
    """Drops units.

    Source: made up.

    Args:
        rate: probability that a unit is dropped, in [0, 1).
    """

    def twin(self):
        return LooksAtValues(self, super().twin().arrays)


# --- regularizers, schedules, losses -------------------------------------------------------------------------------------


@caught_by("the_gradient_agrees_with_central_differences")
class ForgotTheHalf(regularizer.MyRule):
    def penalty(self, weights):
        return 2 * super().penalty(weights)


@caught_by("the_gradient_is_added_to_what_is_there")
class Replaces(regularizer.MyRule):
    def add_gradient(self, weights, grad):
        grad[...] = self.strength * weights


@caught_by("penalty_and_gradient_only_read_the_weights")
class ShrinksInPenalty(regularizer.MyRule):
    def penalty(self, weights):
        value = super().penalty(weights)
        weights *= 0.5
        return value


@caught_by("a_penalty_is_a_number_never_negative_and_zero_for_nothing", because="a float64")
class NumPyPenalty(regularizer.MyRule):
    def penalty(self, weights):
        return np.float64(super().penalty(weights))


@caught_by("a_penalty_is_a_number_never_negative_and_zero_for_nothing")
class CostsSomething(regularizer.MyRule):
    def penalty(self, weights):
        return super().penalty(weights) + 1


@caught_by("decay_only_shrinks")
class Overshoots(regularizer.MyRule):
    def decay(self, weights, lr):
        weights *= 1 - 15 * lr


@caught_by("no_weights_are_fine")
class NeedsWeights(regularizer.MyRule):
    def decay(self, weights, lr):
        weights.max()


@caught_by("it_keeps_the_precision")
class PenaltyInDouble(regularizer.MyRule):
    def add_gradient(self, weights, grad):
        grad += np.float64(self.strength) * weights


class OfLayers(regularizer.MyRule):
    acts_on = "layers"

    def penalty(self, weights):
        return sum(super(OfLayers, self).penalty(array.ravel()) for array in weights.values()) + 0.0

    def add_gradient(self, weights, grad):
        for name, array in weights.items():
            grad[name] += self.strength * array


@caught_by("the_gradient_agrees_with_central_differences")
class FirstLayerOnly(OfLayers):
    def add_gradient(self, weights, grad):
        for name in list(weights)[:1]:
            grad[name] += self.strength * weights[name]


@caught_by("a_penalty_of_outputs_is_a_mean_over_the_rows", because="every row twice")
class SumOverRows(regularizer.MyRule):
    acts_on = "outputs"

    def penalty(self, weights):
        return super().penalty(weights.ravel())


@caught_by("a_projection_leaves_alone_what_is_where_it_may_be")
class ShrinksAlways(regularizer.MyRule):
    def project(self, layers):
        for array in layers.values():
            array *= 0.9


@caught_by("a_projection_leaves_alone_what_is_where_it_may_be", because="return None")
class ReturnsTheProjected(regularizer.MyRule):
    def project(self, layers):
        return {name: array.clip(-1, 1) for name, array in layers.items()}


@caught_by("it_is_a_pure_function", "equal_seeds_give_equal_results")
class Remembers(schedule.MyRule):
    asked: ClassVar[list] = []

    def factor(self, t, steps):
        self.asked.append(t)
        return 1 / len(self.asked)


class Observing(schedule.MyRule):
    watches = ("valid/loss",)
    scalars = ("level",)
    level = 1.0

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "level", 1.0)

    def factor(self, t, steps):
        return self.level * super().factor(t, steps)


@caught_by("what_it_has_observed_can_be_saved", because="is all state in scalars?")
class ForgetsTheBest(Observing):
    best = 1e9

    def observe(self, step, metric, value):
        if value > self.best:
            object.__setattr__(self, "level", 0.5 * self.level)
        object.__setattr__(self, "best", min(value, self.best))


@caught_by("what_it_has_observed_can_be_saved", because="return None")
class Answers(Observing):
    def observe(self, step, metric, value):
        return value


@caught_by("every_factor_is_a_finite_number_never_negative")
class Negative(schedule.MyRule):
    def factor(self, t, steps):
        return super().factor(t, steps) - (t == steps == 10)


@caught_by("every_factor_is_a_finite_number_never_negative", because="float64")
class NumPyFactor(schedule.MyRule):
    def factor(self, t, steps):
        return np.float64(super().factor(t, steps))


@caught_by("every_factor_is_a_finite_number_never_negative", "some_step_moves", because="ZeroDivisionError")
class NeedsTwoSteps(schedule.MyRule):
    def factor(self, t, steps):
        return 1 - (t - 1) / (steps - 1)


@caught_by("some_step_moves")
class Still(schedule.MyRule):
    def factor(self, t, steps):
        return 0.0


@caught_by("it_is_a_mean_over_rows")
class SumsRows(loss.MyRule):
    def value_and_gradient(self, logits, targets, out):
        value = super().value_and_gradient(logits, targets, out)
        out *= len(out)
        return value * len(out)


@caught_by("the_gradient_agrees_with_central_differences")
class WrongGradient(loss.MyRule):
    def value_and_gradient(self, logits, targets, out):
        value = super().value_and_gradient(logits, targets, out)
        out *= 2
        return value


@caught_by("the_gradient_agrees_with_central_differences", "a_step_against_the_gradient_lowers_it")
class WrongSign(loss.MyRule):
    def value_and_gradient(self, logits, targets, out):
        value = super().value_and_gradient(logits, targets, out)
        out *= -1
        return value


@caught_by("the_value_is_the_same_with_and_without_the_gradient")
class TwoValues(loss.MyRule):
    def value(self, logits, targets):
        return super().value(logits, targets) + 1e-9


@caught_by("it_only_reads_what_it_is_given", because="logits")
class WritesLogits(loss.MyRule):
    def value(self, logits, targets):
        value = super().value(logits, targets)
        logits[0, 0] = np.nextafter(logits[0, 0], 9)
        return value


@caught_by("class_numbers_may_have_any_integer_dtype")
class OnlyInt64(loss.MyRule):
    def value(self, logits, targets):
        return super().value(logits, targets) + (targets.dtype != np.int64)


@caught_by("large_logits_stay_finite")
class ExpOverflows(loss.MyRule):
    def value_and_gradient(self, logits, targets, out):
        np.exp(logits)
        return super().value_and_gradient(logits, targets, out)


@caught_by("a_network_that_diverged_shows_in_the_value")
class HidesDivergence(loss.MyRule):
    def value_and_gradient(self, logits, targets, out):
        return super().value_and_gradient(np.nan_to_num(logits), targets, out)


@caught_by("it_says_which_targets_it_takes")
class TakesAnything(loss.MyRule):
    takes = ["classes"]  # noqa: RUF012


@caught_by("it_keeps_the_precision")
class LossInDouble(loss.MyRule):
    def value_and_gradient(self, logits, targets, out):
        logits * np.float64(1)
        return super().value_and_gradient(logits, targets, out)


def half_the_gradient(numbers, logits, targets, out) -> float:
    loss = 0.0
    for i in range(len(logits)):
        for k in range(logits.shape[1]):
            d = logits[i, k] - ((1.0 if targets[i] == k else 0.0) if targets.ndim == 1 else targets[i, k])
            loss += d * d / 2
            out[i, k] = d / len(logits) / 2
    return loss / len(logits)


@caught_by("its_loop_computes_the_same", because="its loop has another gradient")
class LoopOfAnother(MSE):
    """Squares.

    Source: made up.
    """

    def loop(self, targets):
        return LossLoop(half_the_gradient)


def through_numpy(numbers, logits, targets, out) -> float:
    return MSE().value_and_gradient(logits, targets, out)


@caught_by("its_loop_is_text_that_can_be_compiled", because="through_numpy is no function at the top of a module that uses")
class LoopOfCalls(MSE):
    """Squares.

    Source: made up.
    """

    def loop(self, targets):
        return LossLoop(through_numpy)


# --- datasets and surfaces -----------------------------------------------------------------------------------------------


@caught_by("it_loads_splits", because="returned a Almost")
class LoadsTuple(dataset.MyRule):
    class Almost(tuple):
        def __getattr__(self, name):
            return getattr(self[0], name)

    def load(self):
        return self.Almost([super().load()])


@caught_by("rows_lie_one_after_the_other_in_memory", because=r"np.ascontiguousarray")
class ColumnByColumn(dataset.MyRule):
    def load(self):
        splits = super().load()
        train = Split(np.asfortranarray(splits.train.x), splits.train.y)
        return Splits(train, splits.valid, splits.test, outputs=2, source="made up")


class AsBytes(dataset.MyRule):
    # not wrong: points as bytes, with what they are divided by
    __doc__ = dataset.MyRule.__doc__.replace("\n\n", "\n\n    Source: made up.\n\n", 1)
    divisor: ClassVar[float] = 16

    def load(self):
        parts = super().load().present().values()
        rows = (Split(np.clip(16 * split.x + 128, 0, 255).astype(np.uint8), split.y) for split in parts)
        return Splits(*rows, outputs=2, source="made up", divisor=self.divisor)


@caught_by("bytes_come_with_what_they_are_divided_by", because="the network sees up to")
class UndividedBytes(AsBytes):
    divisor = 1


@caught_by("every_class_is_there_to_learn", because="lack 2")
class ClassTooMany(dataset.MyRule):
    def load(self):
        splits = super().load()
        return Splits(splits.train, splits.valid, splits.test, outputs=3, source="made up")


@caught_by("a_load_is_not_changed_by_who_had_it_before")
class Cached(dataset.MyRule):
    cache: ClassVar[list] = []

    def load(self):
        if not self.cache:
            self.cache.append(super().load())
        return self.cache[0]


class Downloads(dataset.MyRule):
    """Not wrong: its data is elsewhere."""

    def load(self):
        logging.getLogger("nnreg").warning("downloading")
        socket.create_connection(("127.0.0.1", 9))


@caught_by("its_noise_averages_out", because="away from")
class PushesOneWay(surface.MyRule):
    def gradient(self, points, rng=None):
        slopes = super().gradient(points)
        return slopes if rng is None else slopes + np.abs(rng.standard_normal(points.shape)).astype(points.dtype)


@caught_by("its_noise_averages_out", because="draws nothing")
class Quiet(surface.MyRule):
    def gradient(self, points, rng=None):
        return super().gradient(points)


@caught_by("the_gradient_agrees_with_central_differences", "its_largest_curvature_is_that_of_its_hessian")
class Tilted(surface.MyRule):
    def gradient(self, points):
        return super().gradient(points) * np.array([1, 1.1], points.dtype)


@caught_by("points_may_come_in_any_shape")
class OnlyRows(surface.MyRule):
    def value(self, points):
        return np.atleast_1d(super().value(points))


@caught_by("it_only_reads_the_points")
class MovesPoints(surface.MyRule):
    def value(self, points):
        value = super().value(points)
        if points.ndim == 2 and len(points) == 60:
            points[0, 0] = np.nextafter(points[0, 0], 9)
        return value


@caught_by("it_keeps_the_precision")
class SurfaceInDouble(surface.MyRule):
    def gradient(self, points):
        return super().gradient(points).astype(np.float64)


@caught_by("its_map_is_in_order", because="start")
class OffTheMap(surface.MyRule):
    start = (-5.0, 1.0)


@caught_by("its_minima_are_the_lowest_points")
class WrongMinimum(surface.MyRule):
    minima = ((0.5, 0.0),)


@caught_by("its_largest_curvature_is_that_of_its_hessian")
class WrongCurvature(surface.MyRule):
    largest_curvature = 9.0


class LessItsMean(Layer):  # of the batch, in evaluation too
    slope = 1.0

    def build(self, fan_in):
        return fan_in, ()

    def bind(self, weights, rows, dtype, rng): ...

    def forward(self, x, *, training):
        return x - x.mean(axis=0)

    def backward(self, dy, *, need_dx=True):
        return self.slope * (dy - dy.mean(axis=0))


class Wrong(LessItsMean):
    slope = 1.01

    def forward(self, x, *, training):
        return x

    def backward(self, dy, *, need_dx=True):
        return self.slope * dy


@caught_by("the_gradient_agrees_with_central_differences")
class ComposesWrongLayers(network.MyRule):
    def stack(self, parts, inputs, outputs):
        return parts.sequence(parts.affine(4), parts.hidden(), Wrong(), super().stack(parts, 4, outputs))


@caught_by("it_answers_with_as_many_numbers_as_are_asked_for", because="it ends with 9 numbers a row where 64 are asked for")
class AnswersLittle(network.MyRule):
    def stack(self, parts, inputs, outputs):
        return super().stack(parts, inputs, min(outputs, 9))


@caught_by("each_row_is_answered_alone")
class AnswersTogether(network.MyRule):
    def stack(self, parts, inputs, outputs):
        return parts.sequence(LessItsMean(), super().stack(parts, inputs, outputs))


@caught_by("it_is_composed_anew_each_time", because="ask parts for new ones")
class KeepsItsLayers(network.MyRule):
    def stack(self, parts, inputs, outputs):
        made = self.__dict__.setdefault("made", {})
        key = tuple(parts.widths), inputs, outputs
        return made.setdefault(key, super().stack(parts, inputs, outputs))


@caught_by("the_widths_of_the_run_are_heard")
class OwnWidths(network.MyRule):
    def stack(self, parts, inputs, outputs):
        return parts.sequence(parts.affine(4), parts.hidden(), parts.affine(outputs))


@caught_by("the_activation_of_the_run_stands_in_it")
class Linear(network.MyRule):
    def stack(self, parts, inputs, outputs):
        return parts.sequence(*map(parts.affine, parts.widths), parts.affine(outputs))


@caught_by("what_does_not_fit_is_refused_with_a_reason", because="raised IndexError")
class NeedsAShape(network.MyRule):
    def stack(self, parts, inputs, outputs):
        if parts.shape is None:
            raise IndexError(0)
        return super().stack(parts, inputs, outputs)
