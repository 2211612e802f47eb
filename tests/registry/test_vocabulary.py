"""Words of other programs, and whether what is said for them is understood here."""

import pytest

from nnreg.cli.words import check_overrides
from nnreg.registry import entries, vocabulary
from nnreg.registry.schemas import parameters_of
from nnreg.settings import Settings, SweepSettings


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("learning_rate=0.1", "type optimizer.lr=0.1"),
        ("lr=0.1", "type optimizer.lr=0.1"),
        ("+learningRate=0.1", "type optimizer.lr=0.1"),
        ("batch_size=32", "type batch=32"),
        ("weight_decay=0.1", "type regularizer=decoupled regularizer.weight_decay=0.1"),
        ("lr_schedule=cosine", "type schedule=cosine"),
        ("device=cuda", "a run trains on the processor"),
        ("hidden_size=64", "hidden=[100,100]"),
        ("n_layers=3", "hidden=[100,100]"),
        ("beta1=0.9", "'beta1' is a parameter of optimizer=adabelief, optimizer=adam, "),
        ("optimizer.learning_rate=1", "did you mean 'lr'?"),
        ("dataset=MNIST", "did you mean 'mnist'?"),
        ("dataset=Fashion-MNIST", "did you mean 'fashion_mnist'?"),
        ("optimizer=Adam", "did you mean 'adam'?"),
        ("init=kaiming_normal", "did you mean 'he'?"),
        ("activation=swish", "did you mean 'silu'?"),
        ("loss=CrossEntropyLoss", "did you mean 'softmax_cross_entropy'?"),
        ("opt.lr=0.1", "there is no kind 'opt': type optimizer.lr=0.1"),
        ("train", "`python -m nnreg optimizer=adam` is one"),
        ("help", "`python -m nnreg --help` shows"),
        ("epochs=5", "type steps=43, as many as 5 epochs of 1,079 training rows are with batch=128"),
        ("num_epochs=1.5", "type steps=13, "),
    ],
)
def test_a_word_of_other_programs_is_answered_with_that_of_this(nnreg, project, word, said):
    answer = nnreg(word)
    assert answer.code == 2
    assert said in answer.complaint
    assert list(project.iterdir()) == []


def test_epochs_are_counted_on_the_data_and_with_the_batch_that_were_typed(nnreg):
    assert "type steps=180, " in nnreg("dataset=iris", "batch=10", "epochs=20", "dataset.valid_fraction=0.2").complaint


def test_epochs_of_several_datasets_are_left_to_be_counted(nnreg):
    assert "steps=N, which is epochs x training rows / batch" in nnreg("-m", "dataset=iris,digits", "epochs=20").complaint


@pytest.mark.parametrize("word", ["adam", "Adam"])
def test_a_technique_is_shown_by_its_kind_and_name(nnreg, word):
    assert "`python -m nnreg plugins optimizer/adam` shows it" in nnreg("plugins", word).complaint


def test_what_is_to_be_typed_is_there_to_be_typed():
    parameters = {
        kind: {p.name for entry in entries.techniques(kind).values() for p in parameters_of(entries.load_class(entry))}
        for kind in entries.kinds()
    }
    settings, of_sweeps = ({p.name for p in parameters_of(of)} for of in (Settings, SweepSettings))
    for typed in vocabulary._SETTINGS:
        for word in typed.split():
            key, _, value = word.partition("=")
            head, _, tail = key.partition(".")
            assert (
                head in ("hydra", "hydra/launcher")
                or (head == "sweep" and tail in of_sweeps)
                or (not tail and (key in settings or key in entries.groups()))
                or tail in parameters.get(head, ())
            ), word
            if not tail and value != "{}" and key in entries.kinds():
                assert value in entries.techniques(key), word


@pytest.mark.parametrize("word", sorted({*(p.name for p in parameters_of(Settings)), *entries.slots(), *entries.groups()}))
def test_no_word_of_this_program_is_taken_for_one_of_another(word):
    check_overrides([], [f"{word}=x"])


def test_every_technique_and_parameter_that_is_meant_exists():
    assert all(name in entries.techniques(kind) for kind, name in vocabulary._TECHNIQUES)
    known = [entry for kind in entries.kinds() for entry in entries.techniques(kind).values()]
    assert set(vocabulary._PARAMETERS) <= {p.name for entry in known for p in parameters_of(entries.load_class(entry))}
