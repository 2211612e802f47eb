import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.comparison.differences import ascending, find_axes
from nnreg.comparison.naming import settings_name
from tests.comparison.sweeps import leave


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"optimizer": "adam", "init": "he"}, "adam, he"),
        ({"optimizer": "rms_prop", "norm": "none"}, "rms prop, no norm"),
        ({"optimizer.lr": 0.001}, "lr 0.001"),
        ({"optimizer.lr": 1e6}, "lr 1e6"),
        ({"optimizer.lr": 1e-5}, "lr 1e-5"),
        ({"init.std": 0.1, "bias.std": 1.0}, "init std 0.1, bias std 1"),
        ({"hidden": (100, 50), "batch": 32}, "hidden 100-50, batch 32"),
        ({"clip_norm": None}, "clip norm null"),
        ({"watch_train": True}, "watch train true"),
        ({"study.arm": "Adam, tuned", "init.std": 1}, "Adam, tuned, std 1"),
        ({"study.arm": ""}, ""),
    ],
)
def test_settings_have_a_name(settings, said):
    assert settings_name(settings) == said


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_exact_names_of_different_numbers_differ(one, other):
    names = {settings_name({"optimizer.lr": value}, exact=True) for value in (one, other)}
    assert len(names) == len({repr(one), repr(other)})


@pytest.mark.parametrize(
    ("values", "sorted_"),
    [([0.1, 0.01, 0.1], [0.01, 0.1]), (["sgd", "adam", "sgd"], ["sgd", "adam"]), ([64, 8], [8, 64]), ([None, 1], [None, 1])],
)
def test_numbers_ascend_and_names_stay_in_order(values, sorted_):
    assert ascending(values) == sorted_


def read(tmp_path, jobs):
    from nnreg.records.results import read_run

    return [read_run(leave(tmp_path / str(number), overrides, **changes)) for number, (overrides, changes) in enumerate(jobs)]


def test_a_bundle_of_settings_in_the_users_own_yaml_is_one_axis(tmp_path):
    bundles = {"small": {"batch": 8, "hidden": [8]}, "large": {"batch": 64, "hidden": [64]}}
    jobs = [
        ([f"experiment={name}", f"optimizer={rule}"], {"settings": settings})
        for name, settings in bundles.items()
        for rule in ("sgd", "adam")
    ]
    found = find_axes(read(tmp_path, jobs))
    assert found.swept == found.shown == ("experiment", "optimizer")
    assert found.values[0]["experiment"] == "small"


def test_the_data_that_a_bundle_brings_is_an_axis_before_the_bundle_as_what_ran_on_it_is_no_rival(tmp_path):
    jobs = [
        ([f"experiment={name}", f"dataset={data}"], {"settings": {"batch": batch}})
        for name, data, batch in (("small", "iris", 8), ("large", "wine", 64))
    ]
    assert find_axes(read(tmp_path, jobs)).swept == ("dataset",)


def test_a_setting_that_somebody_typed_is_shown_though_it_follows_from_another(tmp_path):
    jobs = [(["optimizer=sgd", "batch=8"], {}), (["optimizer=adam", "batch=64"], {})]
    found = find_axes(read(tmp_path, jobs))
    assert found.swept == ("optimizer",)
    assert found.shown == ("optimizer", "batch")


def test_words_about_the_sweep_itself_are_no_axis(tmp_path):
    jobs = [(["resume=true", "hydra/launcher=joblib", "sweep.max_jobs=9", "optimizer=sgd"], {}), (["optimizer=adam"], {})]
    assert find_axes(read(tmp_path, jobs)).shown == ("optimizer",)


def test_an_init_of_the_biases_is_a_technique_of_its_own(tmp_path):
    jobs = [(["init@bias=zeros", "bias=zeros"], {}), (["init@bias=normal", "bias=normal"], {})]
    found = find_axes(read(tmp_path, jobs))
    assert found.swept == ("bias",)
    assert found.shown == ("bias",)


def test_a_start_that_the_surface_brings_along_is_no_axis(tmp_path):
    runs = read(tmp_path, [([f"optimizer={rule}"], {"settings": {"task": "train", "start": None}}) for rule in ("sgd", "adam")])
    for run, surface, start in zip(runs, ("beale", "ackley"), ([1, 1], [2, 2]), strict=True):
        run.summary["task"], run.config["task"] = "descend", "descend"
        run.summary["choices"]["surface"] = surface
        run.config["surface"], run.config["start"] = {"name": surface}, start
    assert find_axes(runs).shown == ("optimizer", "surface")
