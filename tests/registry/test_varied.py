"""Words and places of numbers that have schedules: ``vary.optimizer.momentum=cosine``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from nnreg.contracts import Optimizer
from nnreg.errors import UserError
from nnreg.registry.varied import as_schedules, flat_courses, owner_of, varied_places
from nnreg_std.dropouts.dropout import InvertedDropout
from nnreg_std.optimizers.lookahead import Lookahead
from nnreg_std.optimizers.momentum import Momentum
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.schedules.cosine import Cosine


@dataclass
class Varying:
    """One number that varies and one that does not."""

    varies: ClassVar = ("share",)

    share: float = 0.5
    eps: float = 1e-5


MOMENTUM = "+schedule@vary.optimizer.momentum"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("vary.optimizer.momentum=cosine", f"{MOMENTUM}=cosine"),
        ("+vary.optimizer.momentum=cosine", f"{MOMENTUM}=cosine"),
        ("schedule@vary.optimizer.momentum=cosine", f"{MOMENTUM}=cosine"),
        (f"{MOMENTUM}=cosine", f"{MOMENTUM}=cosine"),
        ("vary.optimizer.momentum=cosine,step", f"{MOMENTUM}=cosine,step"),
        ("vary.optimizer.momentum=glob(*)", f"{MOMENTUM}=glob(*)"),
        ("vary.optimizer.momentum=cosin", f"{MOMENTUM}=cosin"),
        ("vary.optimizer.inner.momentum=cosine", "+schedule@vary.optimizer.inner.momentum=cosine"),
        ("vary.optimizer.momentum.end=0.1", "vary.optimizer.momentum.end=0.1"),
        ("vary.optimizer.momentum.anneal=linear", "vary.optimizer.momentum.anneal=linear"),
        ("optimizer.momentum=0.5", "optimizer.momentum=0.5"),
        ("schedule=cosine", "schedule=cosine"),
        ("--multirun", "--multirun"),
    ],
)
def test_a_schedule_of_a_number_is_chosen_as_hydra_wants_it_and_all_else_stays(typed, read):
    assert as_schedules([typed]) == [read]


@pytest.mark.parametrize(
    "word", ["vary=cosine", "vary.momentum=cosine", "vary.optimizer.momentum=0.5", "vary.optimizer.momentum="]
)
def test_a_word_that_chooses_nothing_is_answered_with_what_is_typed(word):
    with pytest.raises(
        UserError, match=r"such as vary\.optimizer\.momentum=cosine|by its name: vary\.optimizer\.momentum=cosine"
    ):
        as_schedules([word])


def test_places_are_found_to_any_depth_with_their_parameters():
    node = {"name": "cosine", "end": 0.5}
    config = {
        "steps": 3,
        "vary": {"optimizer": {"inner": {"momentum": node}}, "dropout": {"rate": {"name": "step", "at": [1, 2]}}},
    }
    assert dict(varied_places(config)) == {
        "optimizer.inner.momentum": node,
        "dropout.rate": {"name": "step", "at": [1, 2]},
    }
    assert flat_courses(config) == {
        "vary.optimizer.inner.momentum": "cosine",
        "vary.optimizer.inner.momentum.end": 0.5,
        "vary.dropout.rate": "step",
        "vary.dropout.rate.at": (1, 2),
    }
    assert flat_courses({"steps": 3}) == {}


def test_a_value_without_a_schedule_is_refused():
    with pytest.raises(UserError, match=r"vary\.optimizer\.momentum=0\.5 has no schedule to belong to"):
        list(varied_places({"vary": {"optimizer": {"momentum": 0.5}}}))


def test_the_owner_of_a_number_is_found_inside_a_wrapper_too():
    inner = Momentum()
    built: dict[str, Optimizer] = {"optimizer": Lookahead(inner=inner)}
    assert owner_of("optimizer.inner.momentum", built) is inner


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("optimizer.lr", "the learning rate has schedule=NAME"),
        ("optimizer.beta", "Momentum has no beta. Available: lr, momentum"),
        (
            "schedule.end",
            "end cannot vary while a run is going, nor can any other number of this schedule; sweep it instead, schedule.end=A",
        ),
        ("loss.smoothing", "there is no loss in this run"),
        ("optimizer.inner.momentum", "Momentum has no inner"),
        ("dropout.noise", "InvertedDropout has no noise. Available: rate"),
        ("norm.eps", "eps cannot vary while a run is going: of this norm, share can; sweep it instead, norm.eps=A,B"),
    ],
)
def test_what_cannot_vary_is_refused_in_one_line(place, said):
    with pytest.raises(UserError, match=said):
        owner_of(place, {"optimizer": Momentum(), "dropout": InvertedDropout(), "schedule": Cosine(), "norm": Varying()})


def test_of_a_number_that_there_is_not_it_is_not_said_that_it_can_be_swept():
    with pytest.raises(UserError, match=r"SGD has no momentum\. Available: lr"):
        owner_of("optimizer.momentum", {"optimizer": SGD()})
