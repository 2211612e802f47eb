"""What every dataset owes a run: the same rows whatever the seed, apart, shuffled, in the promised ranges."""

import inspect
import subprocess
import sys

import docstring_parser
import numpy as np
import pytest

from nnreg.contracts import Dataset
from nnreg.registry import entries
from nnreg.registry.schemas import REQUIRED, parameters_of

DOWNLOADED = ("mnist", "fashion_mnist")


def load(name):
    return entries.load_class(entries.techniques("dataset")[name])


NAMES = tuple(entries.techniques("dataset"))
OF_A_PERSON = tuple(n for n in NAMES if any(p.default is REQUIRED for p in parameters_of(load(n))))
READY = tuple(name for name in NAMES if name not in (*DOWNLOADED, *OF_A_PERSON))

every_dataset = pytest.mark.parametrize("dataset", [pytest.param(load(name), id=name) for name in NAMES])
ready = pytest.mark.parametrize("dataset", [pytest.param(load(name), id=name) for name in READY])


def rows(split):
    """Each row with its target, as bytes."""
    together = np.column_stack([split.x.astype(np.float64), split.y.astype(np.float64)])
    return [row.tobytes() for row in together]


def test_the_catalogue_of_datasets_is_the_one_we_promise():
    assert set(NAMES) == {
        *("digits", "mnist", "fashion_mnist", "spirals", "moons", "circles", "blobs", "iris", "wine", "breast_cancer"),
        *("diabetes", "friedman1", "sine", "csv", "arrays"),
    }
    assert OF_A_PERSON == ("arrays", "csv")


@every_dataset
def test_it_keeps_the_contract_and_explains_every_parameter(dataset):
    assert Dataset in dataset.__mro__
    documented = docstring_parser.parse(dataset.__doc__)
    assert documented.short_description.endswith(".")
    assert len(documented.short_description) <= 90
    assert [p.arg_name for p in documented.params] == [p.name for p in parameters_of(dataset)]
    source = sys.modules[dataset.__module__].__doc__
    assert "Source: " in source
    assert "https://" in source


IMPORTS = """
import importlib, sys
action, heavy, *targets = sys.argv[1:]
for target in targets:
    module, _, name = target.partition(":")
    dataset = getattr(importlib.import_module(module), name)
    if action == "load":
        dataset().load()
    print(target, *{*heavy.split()} & {*sys.modules})
"""


def imported(names, action, heavy):
    """Return the heavy libraries that a new process has after it did something with each dataset, by target; mostly none."""
    targets = [entries.techniques("dataset")[name].target for name in names]
    command = [sys.executable, "-c", IMPORTS, action, heavy, *targets]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.split()[0] for line in told] == targets
    return {line.split()[0]: line.split()[1:] for line in told if " " in line}  # who comes after the first has them too


def test_their_modules_import_no_heavy_library():
    assert imported(NAMES, "import", "sklearn scipy pandas requests urllib3 platformdirs filelock") == {}


def test_loading_imports_no_heavy_library():
    assert imported(READY, "load", "sklearn scipy pandas") == {}


@ready
def test_features_are_float32_rows_in_one_piece_of_memory(dataset):
    for split in dataset().load().present().values():
        assert split.x.dtype == np.float32
        assert split.x.flags.c_contiguous
        assert split.y.dtype == (np.int64 if dataset().load().targets == "classes" else np.float32)


@ready
def test_a_fifth_is_held_out_to_validate_and_another_to_test(dataset):
    parts = dataset().load().present()
    everything = sum(len(split.x) for split in parts.values())
    assert list(parts) == ["train", "valid", "test"]
    assert len(parts["valid"].x) == pytest.approx(0.2 * everything, abs=5)
    assert len(parts["test"].x) == pytest.approx(0.2 * everything, abs=5)


@ready
def test_the_promised_numbers_of_rows_are_those_that_come(dataset):
    present = dataset().load().present()
    for count in (f"{len(present['train'].x):,} rows to train on", f"{len(present['valid'].x):,} to validate"):
        assert count in inspect.getsource(dataset)  # in what load() says, or beside the table


@ready
def test_the_parts_together_are_all_rows_each_once(dataset):
    raw = {"standardise": False} if "standardise" in dataset.__dataclass_fields__ else {}
    parts = dataset(**raw).load().present().values()
    whole = dataset(valid_fraction=0, test_fraction=0, **raw).load().train
    assert sorted(row for part in parts for row in rows(part)) == sorted(rows(whole))


@ready
def test_the_same_parameters_give_the_same_rows_whatever_the_global_random_state(dataset):
    np.random.seed(1)  # noqa: NPY002 - the legacy state is what must not matter
    first = dataset().load()
    np.random.seed(2)  # noqa: NPY002
    second = dataset().load()
    for name, split in first.present().items():
        np.testing.assert_array_equal(split.x, second.present()[name].x, strict=True)
        np.testing.assert_array_equal(split.y, second.present()[name].y, strict=True)


@ready
def test_another_random_state_gives_other_rows_to_train_on(dataset):
    first, second = (set(rows(dataset(random_state=seed).load().train)) for seed in (0, 1))
    assert first != second


@ready
def test_the_first_rows_to_train_on_are_of_every_class(dataset):
    """So that train_size=N is a fair sample."""
    splits = dataset().load()
    y = splits.train.y
    if splits.targets == "classes":
        first = np.bincount(y[: 10 * splits.outputs], minlength=splits.outputs) / 10
        assert abs(first / (np.bincount(y) / len(y) * splits.outputs) - 1).max() < 0.8
        assert (np.diff(y) != 0).mean() > 0.4, "sorted rows change class seldom"
    else:
        half, error = len(y) // 2, float(y.std()) * 2 / len(y) ** 0.5
        assert float(y[:half].mean()) == pytest.approx(float(y[half:].mean()), abs=3 * error)


@ready
@pytest.mark.parametrize("name", ["valid", "test"])
def test_classes_are_in_the_same_proportions_in_every_part(dataset, name):
    splits = dataset().load()
    if splits.targets == "classes":
        shares = [
            np.bincount(split.y, minlength=splits.outputs) / len(split.y) for split in (splits.train, splits.present()[name])
        ]
        np.testing.assert_allclose(*shares, atol=0.03)


@ready
def test_parts_may_be_left_out(dataset):
    assert list(dataset(valid_fraction=0, test_fraction=0.1).load().present()) == ["train", "test"]
    assert list(dataset(valid_fraction=0.1, test_fraction=0).load().present()) == ["train", "valid"]


@ready
def test_shares_that_leave_nothing_to_train_on_are_refused(dataset):
    with pytest.raises(ValueError, match=r"valid_fraction \+ test_fraction must be below 1, got 0.5 \+ 0.5"):
        dataset(valid_fraction=0.5, test_fraction=0.5).load()


@pytest.mark.parametrize("name", [n for n in NAMES if n not in DOWNLOADED])
@pytest.mark.parametrize(
    "parameter, value, interval",
    [
        ("valid_fraction", 1.0, r"\[0, 1\)"),
        ("test_fraction", -0.1, r"\[0, 1\)"),
        ("test_fraction", float("nan"), r"\[0, 1\)"),
        ("random_state", -1, r"\[0, inf\)"),
    ],
)
def test_a_share_or_a_seed_out_of_its_range_is_refused(name, parameter, value, interval):
    needed = {"path": "x"} if name in OF_A_PERSON else {}
    with pytest.raises(ValueError, match=f"{parameter} must be in {interval}, got {value}"):
        load(name)(**needed, **{parameter: value})
