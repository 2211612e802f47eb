"""``python -m nnreg find_lr``: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import csv
import re
import shlex

import pytest
from PIL import Image

from nnreg.runs.find_lr import PICTURE, TABLE

SMALL = ("dataset=digits", "hidden=[20]", "batch=32")


def rate_in(out):
    return float(re.search(r"type optimizer\.lr=(\S+):", out)[1])


def test_it_suggests_a_rate_with_its_reason_draws_the_curve_and_says_what_to_type(nnreg, project):
    answer = nnreg("find_lr", *SMALL, "optimizer=sgd")
    assert (answer.code, answer.err) == (0, "")
    assert 0.01 < rate_in(answer.out) < 2
    assert "there the loss falls fastest; it falls from" in answer.out
    (folder,) = (project / "runs").iterdir()
    assert "_find_lr-sgd-he" in folder.name
    assert sorted(path.name for path in folder.iterdir()) == [TABLE, PICTURE]
    with Image.open(folder / PICTURE) as picture:
        assert picture.size[0] > 700
    with (folder / TABLE).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["lr"]) == pytest.approx(1e-6)
    command = next(line for line in answer.out.splitlines() if line.startswith("to train")).removeprefix("to train").strip()
    assert shlex.split(command)[:3] == ["python", "-m", "nnreg"]
    assert nnreg(*shlex.split(command)[3:], "steps=3").code == 0


@pytest.mark.long
def test_the_rate_of_a_wrapper_is_that_of_the_rule_inside_whatever_it_says(nnreg):
    plain, wrapped = (
        nnreg("find_lr", *SMALL, "optimizer=lookahead+sgd", "optimizer.k=1", "optimizer.alpha=1.0", *words)
        for words in ((), ("optimizer.lr=0.7",))
    )
    alone = nnreg("find_lr", *SMALL, "optimizer=sgd")
    assert rate_in(plain.out) == rate_in(wrapped.out) == pytest.approx(rate_in(alone.out))
    assert "optimizer.lr=0.7" not in wrapped.out
    inside = nnreg("find_lr", *SMALL, "optimizer=lookahead+sgd", "optimizer.inner.lr=0.7")
    assert "optimizer.inner.lr=0.7" not in inside.out


def test_what_a_plain_run_says_of_its_length_and_course_does_not_count(nnreg):
    first = nnreg("find_lr", *SMALL)
    other = nnreg("find_lr", *SMALL, "steps=5", "warmup=3", "schedule=cosine", "patience=2")
    assert rate_in(first.out) == rate_in(other.out)
    assert "steps=5 warmup=3 schedule=cosine patience=2 optimizer.lr=" in other.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--low", "1e-9", "--high", "1e-8"),
            "the loss does not fall between 1e-9 and 1e-8: try --high 1e-6",
        ),
        (("--low", "1e4", "--high", "1e6"), "the loss explodes, and does not fall before, between 10000 and"),
    ],
)
def test_without_a_fall_it_says_what_to_try(nnreg, words, said):
    answer = nnreg("find_lr", *SMALL, *words)
    assert answer.code == 1
    assert f"no suggestion: {said}" in answer.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-m", "seed=0,1"), "find_lr makes one training at rising rates, so leave out -m"),
        (("protocol=race",), "leave out protocol=race, which belongs to a sweep"),
        (("hparams_search=random",), "leave out hparams_search=random"),
        (("steps=0",), "steps=0: the training that follows makes 1 update or more"),
        (("--low", "1", "--high", "0.1"), "the rate rises from --low to --high"),
        (("--low", "0"), "the rate rises from --low to --high"),
        (("--steps", "5"), "a curve takes --steps 20 or more, got 5"),
        (("task=descend",), "find_lr trains a network: leave out task="),
        (("optimizer=adm",), "there is no optimizer 'adm'; did you mean 'adam'?"),
        (("dataset=diabetes",), "dataset=diabetes has values as targets"),
        (("--hihg", "1"), "has no option '--hihg'; did you mean '--high'?"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line_and_leaves_nothing_behind(nnreg, project, words, said):
    answer = nnreg("find_lr", *words)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1
    assert not (project / "runs").exists() or not list((project / "runs").iterdir())
