import itertools

import pytest

from nnreg.tracking.views import SeenRun, colour, grouping, has_several_seeds, names, varying_params


def run(optimizer="adam", init="he", seed=0, **params):
    return SeenRun({"optimizer": optimizer, "init": init, "seed": str(seed), "parameters": "10", **params}, frozenset())


def test_several_seeds_are_noticed_only_where_nothing_else_differs():
    assert has_several_seeds([run(seed=0), run(seed=1)])
    assert not has_several_seeds([run("adam", seed=0), run("sgd", seed=1)])
    assert not has_several_seeds([run(), run()])
    assert varying_params([run("adam", seed=0), run("sgd", seed=1)]) == ["optimizer"]


def test_what_follows_from_the_rest_is_no_part_of_a_groups_name():
    runs = [
        run(name, seed=seed, **{"optimizer.lr": lr}) for seed in (0, 1) for name, lr in (("adam", "0.001"), ("sgd", "0.01"))
    ]
    assert set(grouping(runs)) - {"dataset", "activation", "loss"} == {"optimizer"}
    assert varying_params(runs) == ["optimizer", "optimizer.lr"]


def test_where_only_seeds_differ_there_is_one_group():
    runs = [run(seed=seed) for seed in range(3)]
    assert len(names(runs, grouping(runs))) == 1


def test_every_two_runs_that_differ_in_more_than_the_seed_are_in_different_groups():
    settings = list(itertools.product(("sgd", "adam"), ("he", "xavier"), ("32", "64"), (0, 1)))
    runs = [run(optimizer, init, seed, batch=batch) for optimizer, init, batch, seed in settings]
    assert len(names(runs, grouping(runs))) == 8


def test_the_groups_of_the_usual_sweep_have_colours_of_their_own():
    arms = itertools.product(("sgd", "momentum", "adagrad", "adam"), ("xavier", "he"), range(3))
    runs = [run(*arm, dataset="digits", activation="relu", loss="softmax_cross_entropy") for arm in arms]
    drawn = [colour(name) for name in names(runs, grouping(runs))]
    assert len(set(drawn)) == len(drawn) == 8


@pytest.mark.parametrize(("name", "place"), [("a", (97 | 97 << 8) % 29), ("ab", (195 | 37 << 8) % 29), ("", 0)])
def test_the_colour_is_that_of_the_checksum_computed_by_hand(name, place):
    assert colour(name) == place


def test_many_parameters_are_named_in_order():
    runs = [run(**{f"kind{n}": str(index >> n & 1) for n in range(5)}) for index in range(32)]
    assert grouping(runs) == [f"kind{n}" for n in range(5)]
