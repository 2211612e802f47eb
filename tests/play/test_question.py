"""A page may ask for what can be computed while it waits, and for nothing else."""

import pytest

from nnreg.errors import UserError
from nnreg.play.question import MOST_STEPS, Question, Rule, made_schedule, made_surface

PLAIN = {"surface": "quadratic", "rules": ["sgd"]}


def test_what_is_left_out_is_as_a_run_has_it():
    question = Question.read(PLAIN)
    assert (question.rules, question.steps, question.start, question.seed) == ((Rule("sgd", {}),), 100, None, 0)
    assert question.is_plain
    assert not Question.read(PLAIN | {"clip_norm": 1.0}).is_plain


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rules": []}, "rules must be 1 to 4"),
        ({"rules": ["sgd"] * 5}, "rules must be 1 to 4"),
        ({"rules": "sgd"}, "rules must be 1 to 4"),
        ({"rules": [{"values": {}}]}, "optimizer must be chosen by name"),
        ({"rules": [{"name": "sgd", "values": [1]}]}, "optimizer must be chosen by name"),
        ({"surface": 3}, "surface must be chosen by name"),
        ({"steps": MOST_STEPS + 1}, f"steps must be in [1, {MOST_STEPS}]"),
        ({"steps": 0}, "steps must be in [1"),
        ({"steps": 1e9}, "steps must be a whole number"),
        ({"steps": True}, "steps must be a whole number"),
        ({"seed": -1}, "seed must be in [0"),
        ({"warmup": 100}, "warmup must be in [0, 99]"),
        ({"clip_norm": 0}, "clip_norm must be in (0, inf)"),
        ({"clip_norm": "x"}, "clip_norm must be a number above 0"),
        ({"start": [1.0, float("nan")]}, "start must be a point"),
        ({"start": [0.0] * 101}, "start must be a point"),
    ],
)
def test_more_than_a_page_may_ask_is_refused_in_one_line(change, said):
    with pytest.raises(UserError) as caught:
        Question.read(PLAIN | change)
    assert said in str(caught.value)


def test_a_start_must_be_a_point_of_the_surface_and_the_surface_small():
    with pytest.raises(UserError, match="start must be a point of surface=quadratic, 2 numbers"):
        made_surface(Question.read(PLAIN | {"start": [1.0]}))
    with pytest.raises(UserError, match="too large for this page"):
        made_surface(Question.read(PLAIN | {"surface": {"name": "spectrum", "values": {"dimension": 500}}}))


def test_a_schedule_that_watches_what_a_descent_does_not_measure_is_refused():
    with pytest.raises(UserError, match="type value there"):
        made_schedule(Question.read(PLAIN | {"schedule": "plateau"}))
