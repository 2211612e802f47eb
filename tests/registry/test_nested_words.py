"""Words that choose a technique inside another one."""

import pytest

from nnreg.errors import UserError
from nnreg.registry import entries
from nnreg.registry.nested_words import as_choices, without_slot
from nnreg.registry.overrides import keep_text


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["optimizer=lookahead", "optimizer.inner=adam"], "optimizer@optimizer.inner=adam"),
        (["optimizer.inner=adam", "optimizer=lookahead"], "optimizer@optimizer.inner=adam"),
        (["optimizer.inner=adam"], "optimizer@optimizer.inner=adam"),
        (["optimizer=lookahead", "optimizer.inner=adam,sgd"], "optimizer@optimizer.inner=adam,sgd"),
        (["optimizer=lookahead", "optimizer.inner=choice(adam, sgd)"], "optimizer@optimizer.inner=choice(adam, sgd)"),
        (["optimizer=lookahead", "optimizer.inner=glob(*)"], "optimizer@optimizer.inner=glob(*)"),
        (["optimizer=lookahead", "optimizer.inner=lookahead+adam"], "optimizer@optimizer.inner=lookahead+adam"),
        (["optimizer=lookahead", "optimizer.inner=mine"], "optimizer@optimizer.inner=mine"),
        (["optimizer=mine", "optimizer.inner=adam"], "optimizer@optimizer.inner=adam"),
        (["optimizer=lookahead+lookahead", "optimizer.inner.inner=adam"], "optimizer@optimizer.inner.inner=adam"),
        (
            ["optimizer=lookahead", "optimizer.inner=lookahead", "optimizer.inner.inner=adam"],
            "optimizer@optimizer.inner.inner=adam",
        ),
        (["optimizer=lookahead,lookahead+sgd", "optimizer.inner=adam"], "optimizer@optimizer.inner=adam"),
        (["bias=constant", "bias.value=0.1"], "init@bias=constant"),
        (["bias=zeros,constant"], "init@bias=zeros,constant"),
        (["bias=glob(*)"], "init@bias=glob(*)"),
    ],
)
def test_a_technique_for_a_slot_is_a_choice(words, meant):
    assert meant in as_choices(words)


@pytest.mark.parametrize(
    "words",
    [
        ["optimizer=adam", "optimizer.inner=adam"],
        ["optimizer=lookahead", "optimizer.inner.lr=0.1"],
        ["optimizer=lookahead", "optimizer.inner=null"],
        ["optimizer=lookahead", "optimizer.k=3"],
        ["init.mode=fan_avg"],
        ["init=he", "init.mode=fan_avg"],
        ["optimizer.inner=mine"],
        ["init@bias=constant", "bias.value=0.1"],
        ["bias=null"],
        ["optimizer=lookahead", "optimizer@optimizer.inner=adam"],
        ["hydra.sweeper.sampler=tpe", "-m", "hidden=[3,3]"],
    ],
)
def test_any_other_word_stays_as_it_is(words):
    assert as_choices(words) == words


def test_a_number_costs_no_import(monkeypatch):
    monkeypatch.setattr(entries, "load_class", lambda entry: pytest.fail(f"{entry} was imported"))
    assert as_choices(["optimizer=lookahead", "optimizer.lr=0.1", "dataset.target=price"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["optimizer=sgd,lookahead", "optimizer.inner=adam"], "sgd has no slot 'inner': type optimizer=sgd,lookahead+adam"),
        (["optimizer=sgd,lookahead", "optimizer@optimizer.inner=adam"], "type optimizer=sgd,lookahead+adam"),
        (["optimizer=sgd,adam,lookahead", "optimizer.inner=adam,sgd"], "sgd, adam have no slot 'inner': type "
         "optimizer=sgd,adam,lookahead+adam,lookahead+sgd"),
    ],
)  # fmt: skip
def test_of_several_techniques_each_needs_the_slot(words, said):
    with pytest.raises(UserError) as told:
        as_choices(words)
    assert said in str(told.value)


def test_a_choice_for_a_slot_that_there_is_not_is_told():
    assert without_slot("optimizer@optimizer.inner").startswith(
        "what is chosen in optimizer has no slot 'inner' for another optimizer: choose one that has, such as optimizer="
    )
    assert without_slot("optimizer") == without_slot("hydra@x.y") == ""


def test_text_is_kept_in_what_stands_inside():
    words = ["optimizer=lookahead+adam", "optimizer.inner.amsgrad=true", "optimizer.inner.lr=1e-3"]
    assert keep_text(words) == words
