"""Samplers, augmentations and weights of rows that are wrong, each in one way, beside the check that must notice."""

from __future__ import annotations

import numpy as np

from nnreg.registry.templates.kinds import augmentation, loss, sampler
from nnreg_std.samplers.epoch import Epoch
from tests.testing.mutants import caught_by


@caught_by("it_says_which_targets_it_is_made_for")
class MadeForAnything(sampler.MyRule):
    takes = ["classes"]  # noqa: RUF012


@caught_by("it_draws_rows_of_the_training_split_alone", because="of 23 training rows, 0 to 22, it drew 0 to")
class LeaksValidation(sampler.MyRule):
    def rows(self, t, steps, rng):
        return rng.integers(self._count + 5, size=self._batch)  # the rows that stand behind those of training


@caught_by("it_draws_rows_of_the_training_split_alone", because="rows returned int32")
class ShortNumbers(sampler.MyRule):
    def rows(self, t, steps, rng):
        return super().rows(t, steps, rng).astype(np.int32)


@caught_by("no_batch_is_larger_than_it_says", because="it drew 6 rows; by largest a batch has 1 to 5")
class OneMore(sampler.MyRule):
    def rows(self, t, steps, rng):
        return rng.integers(self._count, size=self._batch + 1)


@caught_by("every_row_is_drawn_some_time", because="never drew 22")
class NeverTheLast(sampler.MyRule):
    def rows(self, t, steps, rng):
        return rng.integers(self._count - 1, size=self._batch)


@caught_by("it_goes_on_where_it_was_left", because="taken up again after 1 batches")
class ForgetsItsOrder(Epoch):
    __doc__ = f"{Epoch.__doc__}\n\n    Source: made up."

    def state(self):
        return {}


@caught_by("it_only_reads_the_rows", because="it wrote to x")
class WritesRows(sampler.MyRule):
    def begin(self, split, batch):
        super().begin(split, batch)
        split.x[0] += 1


@caught_by("the_global_generators_are_left_alone", "equal_seeds_give_equal_results", "it_goes_on_where_it_was_left")
class DrawsRowsGlobally(sampler.MyRule):
    def rows(self, t, steps, rng):
        return np.random.randint(self._count, size=self._batch)  # noqa: NPY002


@caught_by("it_says_which_targets_it_is_made_for")
class ChangesAnything(augmentation.MyRule):
    takes = ["classes"]  # noqa: RUF012


@caught_by("the_global_generators_are_left_alone", "equal_seeds_give_equal_results", "it_draws_anew_each_time")
class AugmentsGlobally(augmentation.MyRule):
    def apply(self, x, y, rng):
        x += np.random.standard_normal(x.shape)  # noqa: NPY002
        return x, y


@caught_by("rows_keep_their_shape_and_precision", because="came back as float64")
class RowsInDouble(augmentation.MyRule):
    def apply(self, x, y, rng):
        return x + rng.standard_normal(x.shape), y


@caught_by("rows_keep_their_shape_and_precision", because="rows (9, 6, 5) came back as (9, 30)")
class Flattens(augmentation.MyRule):
    def apply(self, x, y, rng):
        x, y = super().apply(x, y, rng)
        return x.reshape(len(x), -1), y


@caught_by("targets_stay_classes_or_become_shares", because="must be class numbers from 0 to 2")
class OneClassTooMany(augmentation.MyRule):
    def apply(self, x, y, rng):
        x, y = super().apply(x, y, rng)
        return x, y + (y == 2) if y.ndim == 1 else y


@caught_by("numbers_stay_finite")
class Standardises(augmentation.MyRule):
    def apply(self, x, y, rng):
        x, y = super().apply(x, y, rng)
        with np.errstate(all="ignore"):
            x /= np.abs(x).max()
        return x, y


@caught_by("it_changes_something")
class ChangesNothing(augmentation.MyRule):
    def apply(self, x, y, rng):
        return x, y


@caught_by("it_draws_anew_each_time")
class RemembersNoise(augmentation.MyRule):
    def apply(self, x, y, rng):
        self.used = getattr(self, "used", 0) + 1
        x *= x.dtype.type(1 + self.used * rng.random())
        return x, y


@caught_by("the_losses_of_rows_are_those_that_it_is_the_mean_of")
class RowsOfAnotherLoss(loss.MyRule):
    def row_losses(self, logits, targets):
        return 2 * super().row_losses(logits, targets)
