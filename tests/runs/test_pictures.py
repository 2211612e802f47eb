"""``pictures=all`` draws what a network answers: nothing else of a run changes by it, and a failure to draw is told."""

from __future__ import annotations

import numpy as np
import pytest

from nnreg import load
from nnreg.figures import answers
from nnreg.records.card import config_hash
from nnreg.records.folder import read_history, read_summary
from tests.runs.kept import rows_of

QUICK = ("steps=20", "batch=16", "hidden=[12]", "optimizer=adam")


@pytest.fixture
def drawn(nnreg, project, undrawn):
    def draw(*words, name="run", pictures="pictures=all"):
        answer = nnreg(*QUICK, *words, pictures, f"hydra.run.dir={project / name}")
        assert answer.code == 0, answer.err
        return project / name, answer

    return draw


def pictures_in(folder):
    return {path.stem for path in folder.glob("*.png")} - {"loss"}


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("dataset=digits",), {"confusion", "mistakes", "weights"}),
        (("dataset=digits", "network=convolutional"), {"confusion", "mistakes"}),
        (("dataset=digits", "loss=hinge", "norm=batch_norm"), {"confusion", "mistakes", "weights"}),
        (("dataset=circles",), {"confusion", "mistakes", "boundary"}),
        (("dataset=iris",), {"confusion", "mistakes"}),
        (("dataset=diabetes", "loss=mse"), {"predicted"}),
        (("dataset=digits", "network=autoencoder", "loss=mse"), set()),
    ],
)
def test_the_pictures_are_those_that_the_rows_allow(drawn, words, expected):
    folder, answer = drawn(*words)
    assert answer.err == ""
    assert pictures_in(folder) == expected


def test_a_run_draws_one_picture_unless_it_is_asked_for_all(drawn):
    folder, _ = drawn("dataset=iris", pictures="seed=0")
    assert pictures_in(folder) == set()


@pytest.mark.long
def test_no_number_of_a_run_depends_on_its_pictures(drawn):
    with_, _ = drawn("dataset=digits", "dropout=dropout")
    without, _ = drawn("dataset=digits", "dropout=dropout", name="other", pictures="pictures=one")
    assert list(read_history(with_)) == list(read_history(without))
    assert read_summary(with_)["config_hash"] == read_summary(without)["config_hash"]
    assert config_hash({"pictures": "all"}) == config_hash({"pictures": "one"})


def test_what_cannot_be_drawn_is_told_and_the_run_stays_what_it_was(drawn, monkeypatch):
    monkeypatch.setattr(answers, "answer_figures", lambda *_: 1 / 0)
    folder, answer = drawn("dataset=iris")
    assert "the network's answers cannot be drawn (ZeroDivisionError" in answer.complaint
    assert read_summary(folder)["status"] == "finished"
    assert load(folder).predict(rows_of("iris")[0]).shape == (30,)


def test_the_table_of_confusion_counts_every_row(drawn, monkeypatch):
    seen = []
    monkeypatch.setattr(answers, "confusion_figure", lambda given: seen.append(given) or answers.fit_figure(given))
    folder, _ = drawn("dataset=iris")
    (given,) = seen
    rows, names = rows_of("iris")
    np.testing.assert_allclose(given.rows, rows, atol=1e-5)  # before their scaling
    assert [given.classes[number] for number in given.truth] == names.tolist()
    assert [given.classes[number] for number in given.given] == load(folder).predict(rows).tolist()
