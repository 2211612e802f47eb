"""Runs whose numbers vary: what is computed, recorded, compared, made again, gone on with, and refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nnreg.comparison.gathering import gather
from nnreg.records.folder import DiskSink, read_history
from nnreg.records.results import read_run
from nnreg.runs import train
from tests.registry.publishing import edit, publishing
from tests.runs.interrupted import killed, request, resumed, traces, undrawn

publish = pytest.fixture(publishing)
SMALL = ("dataset=spirals", "hidden=[8]", "steps=20", "validate_every=20")
MOMENTUM = ("optimizer=momentum", "vary.optimizer.momentum=polynomial")


@pytest.fixture(autouse=True)
def no_figures():
    with undrawn():
        yield


def history(nnreg, project, name, *words):
    answer = nnreg(*SMALL, *words, f"hydra.run.dir={name}")
    assert (answer.code, answer.err) == (0, "")
    return read_history(project / name)


def losses(found):
    return found.series("train/loss")[1]


def test_a_number_is_what_it_says_times_the_factor_and_is_recorded(nnreg, project):
    found = history(nnreg, project, "run", *MOMENTUM, "vary.optimizer.momentum.end=0.5", "optimizer.momentum=0.8")
    steps, values = found.series("rate/optimizer.momentum")
    assert list(steps) == list(range(20))
    np.testing.assert_allclose(values, [0.8 * (1 - 0.5 * step / 20) for step in range(20)])
    assert "rate/lr" not in found.metrics


def test_momentum_by_a_schedule_is_the_textbook_recursion_with_a_momentum_of_each_step(nnreg, project):
    assert nnreg(*MOMENTUM, "steps=6", "task=descend", "start=[-7,2]", "hydra.run.dir=varied").code == 0
    varied = read_history(project / "varied")
    theta, v, course = np.array([-7.0, 2.0]), np.zeros(2), []
    for t in range(6):
        course.append(theta.copy())
        v = 0.9 * (1 - t / 6) * v - 0.01 * np.array([theta[0] / 10, 2 * theta[1]])
        theta = theta + v
    np.testing.assert_allclose(np.stack([varied.series("x")[1], varied.series("y")[1]], axis=1), [*course, theta], rtol=1e-12)


def test_a_constant_schedule_changes_nothing_and_records_nothing(nnreg, project):
    plain = history(nnreg, project, "plain", "optimizer=momentum")
    constant = history(nnreg, project, "constant", "optimizer=momentum", "vary.optimizer.momentum=constant")
    assert list(plain) == list(constant)


def test_every_copy_of_a_layer_varies(nnreg, project):
    words = (
        "hidden=[8,8]",
        "dropout=dropout",
        "vary.dropout.rate=step",
        "vary.dropout.rate.every=1",
        "vary.dropout.rate.gamma=1e-9",
    )
    none = history(nnreg, project, "none", "hidden=[8,8]", "dropout=dropout", "dropout.rate=0")
    gone = history(nnreg, project, "gone", *words, "steps=20")
    full = history(nnreg, project, "full", "hidden=[8,8]", "dropout=dropout")
    assert losses(gone)[0] == losses(full)[0]  # the first step has the whole rate
    assert losses(none)[0] != losses(full)[0]
    assert gone.series("rate/dropout.rate")[1][1] == pytest.approx(0.5e-9)


def test_a_regularizer_that_is_frozen_varies_too(nnreg, project):
    words = ("regularizer=l2", "regularizer.weight_decay=0.5")
    fading = history(nnreg, project, "fading", *words, "vary.regularizer.weight_decay=polynomial")
    staying = history(nnreg, project, "staying", *words)
    assert losses(fading)[0] == losses(staying)[0]
    assert losses(fading)[5] < losses(staying)[5]


def test_a_rerun_is_the_same_to_the_bit_and_may_choose_another_schedule(nnreg, project):
    first = history(nnreg, project, "first", *MOMENTUM, "vary.optimizer.momentum.end=0.5")
    assert nnreg("rerun", "first", "hydra.run.dir=again").code == 0
    assert list(read_history(project / "again")) == list(first)
    assert nnreg("rerun", "first", "vary.optimizer.momentum=cosine", "hydra.run.dir=other").code == 0
    assert "name: cosine" in (project / "other/config.yaml").read_text(encoding="utf-8")


def test_a_run_goes_on_as_if_it_had_never_stopped(tmp_path):
    watching = {"name": "plateau", "metric": "train/loss", "gamma": 0.7, "patience": 1}

    def asked(folder):
        made = request(folder, optimizer="momentum", dropout="dropout")
        made.config.vary = {"optimizer": {"momentum": watching}, "dropout": {"rate": {"name": "cosine"}}}
        return made

    train.execute(asked(tmp_path / "whole"), [DiskSink()])
    with killed(31, 24):
        train.execute(asked(tmp_path / "cut"), [DiskSink()])
    assert resumed(tmp_path / "cut")[:-1] == traces(tmp_path / "whole")
    values = read_history(tmp_path / "whole").series("rate/optimizer.momentum")[1]
    assert len(set(values[24:])) > 2


@pytest.mark.long
def test_arms_that_differ_in_what_varies_are_different_arms(nnreg, project):
    words = ("vary.optimizer.momentum=constant,cosine", "seed=0,1,2", "optimizer=momentum", "hydra.sweep.dir=swept")
    answer = nnreg("-m", *SMALL, *words)
    assert answer.code == 0
    assert "momentum cosine" in answer.out
    assert "momentum constant" in answer.out
    described = json.loads((project / "swept/sweep.json").read_text(encoding="utf-8"))
    assert len(described["runs"] if "runs" in described else list((project / "swept").glob("[0-9]*"))) == 6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("optimizer=momentum", "vary.optimizer.momentum=cosin"), "there is no schedule 'cosin'; did you mean 'cosine'?"),
        (("optimizer=momentum", "vary.optimizer.lr=cosine"), "the learning rate has schedule=NAME"),
        (("vary.optimizer.momentum.end=0.1",), "vary.optimizer.momentum.end belongs to no schedule: choose that"),
        (("vary.optimizer.momentum=cosine",), "SGD has no momentum. Available: lr"),
        (("optimizer=lion", "vary.optimizer.beta1=cosine"), "beta1 cannot vary while a run is going"),
        ((*MOMENTUM, "vary.optimizer.momentum.edn=1"), "has no parameter 'edn'; did you mean 'end'?"),
        (("regularizer=max_norm", "vary.regularizer.limit=step", "vary.regularizer.limit.gamma=1e-300",
          "vary.regularizer.limit.every=1"), "vary.regularizer.limit leads to 0: limit must be in (0, inf), got 0.0"),
        (("optimizer=momentum", "vary.optimizer.momentum=plateau", "vary.optimizer.momentum.metric=valid/r2"),
         "vary.optimizer.momentum watches valid/r2: valid/r2 is not measured where targets are classes"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_one_line(nnreg, words, said):
    answer = nnreg(*SMALL, *words)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1


COURSE = """
from dataclasses import dataclass

from nnreg.contracts import Schedule


@dataclass(frozen=True)
class Course(Schedule):
    def factor(self, step: int, steps: int) -> float:
        return 1.0
"""


def test_the_course_of_a_number_is_known_by_its_code(nnreg, project, publish):
    publish("courses", {"my_courses": COURSE}, schedule={"mine": "my_courses:Course"})
    words = (*SMALL, "optimizer=momentum", "vary.optimizer.momentum=mine")
    assert nnreg(*words, "seed=1", "hydra.run.dir=a").code == 0
    edit("my_courses", COURSE.replace("1.0", "0.5"))
    assert nnreg(*words, "seed=1", "hydra.run.dir=b").code == 0
    was, now = (read_run(project / name).summary["code"]["optimizer.vary.momentum"] for name in "ab")
    assert was != now
    arms = [arm.name for arm in gather([project / "a", project / "b"]).arms]
    assert [name.partition("+")[2] for name in arms] == [f"{was[:4]}]", f"{now[:4]}]"]
    assert f"optimizer.vary.momentum=mine ({was[:4]}, now {now[:4]})" in nnreg("rerun", "a", "hydra.run.dir=c").err
