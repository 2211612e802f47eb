import itertools

from nnreg.tracking.views import SeenRun, grouping, has_several_seeds, varying_params


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
    assert grouping(runs) == ["optimizer"]
    assert varying_params(runs) == ["optimizer", "optimizer.lr"]


def test_where_only_seeds_differ_there_is_one_group():
    runs = [run(seed=seed) for seed in range(3)]
    assert grouping(runs) == ["optimizer"]


def test_every_two_runs_that_differ_in_more_than_the_seed_are_in_different_groups():
    settings = list(itertools.product(("sgd", "adam"), ("he", "xavier"), ("32", "64"), (0, 1)))
    runs = [run(optimizer, init, seed, batch=batch) for optimizer, init, batch, seed in settings]
    keys = grouping(runs)
    assert len({tuple(run.params[key] for key in keys) for run in runs}) == 8


def test_many_parameters_are_named_in_order():
    runs = [run(**{f"kind{n}": str(index >> n & 1) for n in range(5)}) for index in range(32)]
    assert grouping(runs) == [f"kind{n}" for n in range(5)]
