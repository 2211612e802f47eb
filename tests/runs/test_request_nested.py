"""Runs whose techniques stand inside others: recorded under one name, made again, gone on with."""

import pytest
from omegaconf import OmegaConf

from nnreg.errors import UserError
from nnreg.records.folder import read_summary
from nnreg.runs import resume
from nnreg.runs.request import techniques_in
from tests.registry.publishing import OPTIMIZER, edit, publishing

publish = pytest.fixture(publishing)
TINY = ("dataset=iris", "hidden=[4]", "batch=30", "steps=5")
SPELLINGS = [
    ["optimizer=lookahead+momentum", "optimizer.inner.lr=0.1"],
    ["optimizer=lookahead", "optimizer.inner.lr=0.1"],
    ["optimizer=lookahead", "optimizer.lr=0.1"],
    ["optimizer=lookahead", "optimizer.inner=momentum", "optimizer.inner.lr=0.1"],
    ["optimizer=lookahead+sgd", "optimizer@optimizer.inner=momentum", "optimizer.lr=0.1"],
]


def newest(project):
    return max(project.glob("runs/*"))


@pytest.mark.long
def test_every_spelling_is_one_run(nnreg, project, undrawn):
    for words in SPELLINGS:
        assert nnreg(*TINY, *words).code == 0
    told = [read_summary(folder) for folder in project.glob("runs/*")]
    assert len({each["config_hash"] for each in told}) == 1
    assert {each["label"] for each in told} == {"lookahead+momentum-he"}
    assert {each["choices"]["optimizer"] for each in told} == {"lookahead+momentum"}
    assert all(folder.name.endswith("_lookahead+momentum-he") for folder in project.glob("runs/*"))
    assert {"optimizer", "optimizer.inner"} <= set(told[0]["code"])


def test_a_run_says_what_it_is_made_of_as_it_is_typed(nnreg, undrawn):
    out = nnreg(*TINY, *SPELLINGS[0]).out
    assert "lookahead+momentum (inner.lr=0.1 inner.momentum=0.9 k=5 alpha=0.5)" in out


def test_it_is_made_again_with_a_change_inside(nnreg, project, undrawn):
    nnreg(*TINY, "optimizer=lookahead+momentum", "optimizer.inner.momentum=0.8", "optimizer.k=3")
    folder = newest(project)
    assert "optimizer@optimizer.inner=momentum" in resume.rerun_words(folder)
    assert nnreg("rerun", str(folder)).code == 0
    assert read_summary(newest(project))["config_hash"] == read_summary(folder)["config_hash"]
    assert nnreg("rerun", str(folder), "optimizer.inner.momentum=0.7").code == 0
    changed = OmegaConf.load(newest(project) / "config.yaml").optimizer
    assert (changed.inner.momentum, changed.k) == (0.7, 3)


@pytest.mark.long
@pytest.mark.parametrize("word", ["optimizer.inner=adam", "optimizer@optimizer.inner=adam"])
def test_another_technique_inside_has_its_own_parameters(nnreg, project, undrawn, word):
    nnreg(*TINY, "optimizer=lookahead+momentum", "optimizer.inner.lr=0.5", "optimizer.k=3")
    assert nnreg("rerun", str(newest(project)), word).code == 0
    changed = OmegaConf.load(newest(project) / "config.yaml").optimizer
    assert (changed.inner.name, changed.inner.lr, changed.k) == ("adam", 0.001, 3)


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ({"name": "zebra"}, "there is no optimizer 'zebra'"),
        ({"name": "sgd", "rate": 1}, "optimizer.inner=sgd has no parameter 'rate'"),
        ("sgd", "its optimizer.inner has no name"),
    ],
)
def test_a_saved_configuration_is_looked_at_inside(tmp_path, inner, said):
    saved = {"optimizer": {"name": "lookahead", "inner": inner}, "seed": 3}
    OmegaConf.save(OmegaConf.create(saved), tmp_path / "config.yaml")
    with pytest.raises(UserError, match=said):
        resume.rerun_words(tmp_path)


def test_it_goes_on_bit_for_bit(nnreg, project, undrawn):
    words = (*TINY[:-1], "optimizer=lookahead+adam", "checkpoint_seconds=0")
    nnreg(*words, "steps=13")
    whole = newest(project)
    nnreg(*words, "steps=7")
    part = newest(project)
    assert nnreg("resume", str(part), "steps=13").code == 0
    ends = [read_summary(folder)["metrics"] for folder in (part, whole)]
    assert {**ends[0], "steps_per_second": 0} == {**ends[1], "steps_per_second": 0}


def test_other_code_inside_is_told(nnreg, project, undrawn, publish):
    publish("zoo", modules={"zoo_module": OPTIMIZER}, optimizer={"zebra": "zoo_module:Rule"})
    nnreg(*TINY, "optimizer=lookahead+zebra")
    folder = newest(project)
    edit("zoo_module", OPTIMIZER.replace("lr * g", "2 * lr * g"))
    answer = nnreg("rerun", str(folder))
    assert "was trained with other code: optimizer.inner=zebra (" in answer.err


@pytest.mark.long
def test_a_sweep_over_what_stands_inside_names_each_whole(nnreg, project, undrawn):
    assert nnreg("-m", *TINY, "optimizer=sgd,lookahead+sgd,lookahead+lookahead+adam", "hydra.sweep.dir=s").code == 0
    assert [read_summary(project / "s" / str(n))["label"] for n in range(3)] == [
        "sgd-he", "lookahead+sgd-he", "lookahead+lookahead+adam-he"
    ]  # fmt: skip
    assert nnreg("-m", *TINY, "optimizer=lookahead", "optimizer.inner=sgd,adam", "hydra.sweep.dir=t").code == 0
    assert [read_summary(project / "t" / str(n))["label"] for n in range(2)] == ["lookahead+sgd-he", "lookahead+adam-he"]


def test_techniques_are_told_in_the_order_of_their_places():
    """Not in that of a set, which is another one in each process: it is the order in which a run records its code."""
    places = ["schedule", "optimizer", "loss", "init", "norm", "dropout", "sampler"]
    config = {place: {"name": "none"} for place in reversed(places)}
    assert list(techniques_in(config, places)) == places
    assert list(techniques_in(config, iter(places))) == places
