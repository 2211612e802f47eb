"""A kept network answers what its run measured, given rows as the dataset has them before its scaling."""

from __future__ import annotations

import json
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest

from nnreg import UserError, load
from nnreg.records.files import read_arrays, write_arrays
from nnreg.records.folder import NETWORK, read_summary
from nnreg.records.network import CARD
from nnreg.registry import entries
from tests.runs.kept import fake_pictures, held_out, rows_of, write_table

QUICK = ("steps=25", "batch=16", "hidden=[12,12]", "validate_every=25")
OWN = ("csv", "arrays")
PUBLISHED = ("mnist", "fashion_mnist")
DATASETS = [name for name in entries.techniques("dataset") if name not in (*OWN, *PUBLISHED)]
VALUES = ("diabetes", "friedman1", "sine")


@pytest.fixture
def trained(nnreg, project, undrawn):
    """Train a small network and return its folder."""

    def train(*words):
        answer = nnreg(*QUICK, *words, f"hydra.run.dir={project / 'run'}")
        assert answer.code == 0, answer.err
        return project / "run"

    return train


def final(folder):
    """Return what the run itself measured on its validation rows when it ended."""
    metrics = read_summary(folder)["metrics"]
    return {
        name.removeprefix("valid/").removesuffix("_final"): value
        for name, value in metrics.items()
        if name.startswith("valid/") and name.endswith("_final")
    }


def agrees(found, measured, tolerance=1e-4):
    assert found.keys() == measured.keys()
    for name, value in measured.items():
        assert found[name] == pytest.approx(value, rel=tolerance, abs=1e-6), name


@pytest.mark.long
@pytest.mark.parametrize("dataset", DATASETS)
def test_rows_before_their_scaling_are_answered_as_the_run_measured_them(trained, dataset):
    loss = ("loss=mse",) if dataset in VALUES else ()
    folder = trained(f"dataset={dataset}", *loss)
    network = load(folder)
    rows, answers = rows_of(dataset)
    agrees(network.evaluate(rows, answers), final(folder))
    given = network.predict(rows)
    if dataset in VALUES:
        unexplained = np.square(given - answers[:, 0]).sum() / np.square(answers - answers.mean()).sum()
        assert 1 - unexplained == pytest.approx(final(folder)["r2"], rel=1e-3)
    else:
        assert (given == answers).mean() == pytest.approx(final(folder)["accuracy"])


NETWORKS = ["mlp", "residual", "convolutional"]


@pytest.mark.long
@pytest.mark.parametrize("norm", list(entries.techniques("norm")))
@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_with_every_norm_is_the_one_that_was_trained(trained, network, norm):
    hidden = ("hidden=[8,8]",) if norm == "group_norm" else ()
    folder = trained("dataset=digits", f"network={network}", f"norm={norm}", "dropout=dropout", *hidden)
    agrees(load(folder).evaluate(*rows_of("digits")), final(folder))


@pytest.mark.long
@pytest.mark.parametrize("loss", list(entries.techniques("loss")))
def test_every_loss_reads_its_own_network(trained, loss):
    data = "diabetes" if loss == "huber" else "digits"
    folder = trained(f"dataset={data}", f"loss={loss}", "optimizer.lr=0.001")
    agrees(load(folder).evaluate(*rows_of(data)), final(folder))


def test_every_registered_network_is_covered():
    assert {*NETWORKS, "autoencoder"} == {*entries.techniques("network")}


def test_an_autoencoder_gives_the_rows_back_in_their_own_unit(trained):
    folder = trained("dataset=digits", "network=autoencoder", "loss=mse", "optimizer=adam", "steps=200")
    network, (rows, _) = load(folder), rows_of("digits")
    agrees(network.evaluate(rows), final(folder))
    again = network.predict(rows)
    assert again.shape == rows.shape
    share = np.square(again - rows).sum() / np.square(rows - rows.mean(axis=0)).sum()
    assert 1 - share == pytest.approx(final(folder)["r2"], abs=0.01)


@pytest.mark.long
@pytest.mark.parametrize("dataset", PUBLISHED)
def test_pictures_of_bytes_are_given_as_they_are_in_the_file(trained, monkeypatch, tmp_path, dataset):
    pictures, labels = fake_pictures(monkeypatch, tmp_path)
    folder = trained(f"dataset={dataset}", "dataset.rows=120", "dataset.valid_size=40")
    network = load(folder)
    answers = [network.classes[label] for label in labels]
    agrees(network.evaluate(pictures, answers), final(folder))
    assert (network.classes[9] == "ankle boot") is (dataset == "fashion_mnist")


@pytest.mark.long
@pytest.mark.parametrize("weights", ["", "missing"])
def test_a_table_of_text_is_coded_as_it_was_for_training(trained, tmp_path, weights):
    cells = write_table(tmp_path / "table.csv", gaps=bool(weights))
    folder = trained(
        "dataset=csv",
        f"dataset.path={tmp_path}/table.csv",
        "dataset.encoding=cp1250",
        "dataset.categories=one_hot",
        "dataset.missing=drop",
    )
    network = load(folder)
    assert network.columns == ("age", "city", "smokes", "weight")
    assert network.classes == ("high", "low")
    whole = [row for row in cells if all(row)]
    frame = pd.DataFrame(whole, columns=["age", "city", "smokes", "weight", "risk"])
    for name in ("age", "weight"):
        frame[name] = frame[name].str.replace(",", ".").astype(float)
    frame["smokes"] = frame["smokes"] == "True"
    measured = network.evaluate()
    everything = network.evaluate(frame, frame["risk"])
    sizes = read_summary(folder)["dataset"]["rows"]
    mean = sum(sizes[part] * measured[f"{part}/accuracy"] for part in sizes) / sum(sizes.values())
    assert everything["accuracy"] == pytest.approx(mean)
    agrees({name.removeprefix("valid/"): value for name, value in measured.items() if name.startswith("valid/")}, final(folder))
    order = frame[["weight", "risk", "city", "age", "smokes"]]  # by name, whatever the order
    assert (network.predict(order) == network.predict(frame)).all()


def test_labels_and_pictures_of_arrays_come_back_as_they_were(trained, tmp_path):
    rng = np.random.default_rng(0)
    labels = np.array(["dog", "cat", "eel"])[rng.integers(0, 3, 90)]
    pictures = rng.integers(0, 256, (90, 6, 5), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", x=pictures, y=labels)
    folder = trained("dataset=arrays", f"dataset.path={tmp_path}/own.npz")
    network = load(folder)
    assert network.classes == ("cat", "dog", "eel")
    given = network.predict(pictures)
    assert given.dtype.kind == "U"
    parts, sizes = network.evaluate(), read_summary(folder)["dataset"]["rows"]
    mean = sum(sizes[part] * parts[f"{part}/accuracy"] for part in sizes) / 90
    assert (given == labels).mean() == pytest.approx(mean)


def test_whole_numbers_are_classes_by_their_number(trained, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "own.npz", x=rng.normal(size=(60, 3)), y=rng.choice([7, 12], 60))
    network = load(trained("dataset=arrays", f"dataset.path={tmp_path}/own.npz"))
    assert network.classes == (7, 12)
    assert set(network.predict(rng.normal(size=(9, 3))).tolist()) <= {7, 12}


def test_probabilities_are_the_softmax_of_what_the_network_gives(trained):
    network, (rows, _) = load(trained("dataset=iris")), rows_of("iris")
    logits = network.logits(rows).astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(network.probabilities(rows), shares, rtol=1e-5)


def test_a_network_without_probabilities_says_what_there_is(trained):
    network = load(trained("dataset=iris", "loss=hinge"))
    with pytest.raises(UserError, match="loss=hinge knows no probabilities; logits gives"):
        network.probabilities(rows_of("iris")[0])


def test_values_have_no_probabilities(trained):
    network = load(trained("dataset=diabetes", "loss=mse"))
    with pytest.raises(UserError, match="answers values"):
        network.probabilities(rows_of("diabetes")[0])


def test_parameters_that_an_update_rule_settles_elsewhere_are_those_that_are_kept(trained):
    folder = trained("dataset=digits", "optimizer=schedule_free_adamw")
    agrees(load(folder).evaluate(*rows_of("digits")), final(folder))


def test_an_early_stop_keeps_its_best_network(trained):
    folder = trained("dataset=digits", "optimizer=adam", "steps=400", "patience=20", "validate_every=5", "optimizer.lr=0.05")
    assert read_summary(folder)["early_stop"]["best_at"] < read_summary(folder)["steps"]
    agrees(load(folder).evaluate(*rows_of("digits")), final(folder))


def test_float64_is_answered_in_float64(trained):
    folder = trained("dataset=wine", "dtype=float64")
    network = load(folder)
    assert network.logits(rows_of("wine")[0]).dtype == np.float64
    agrees(network.evaluate(*rows_of("wine")), final(folder))


@pytest.mark.long
@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([[1.0, 2.0, 3.0]], "an array (rows, 4): sepal length (cm)"),
        ([1.0, 2.0, 3.0, 4.0], "one row is [row]"),
        ([[1.0, np.nan, 3.0, 4.0]], "row 0 has nothing in column 'sepal width (cm)'"),
        ([[1.0, "wide", 3.0, 4.0]], "row 0 holds 'wide' in column 'sepal width (cm)', where a number must stand"),
        ([[1.0, np.inf, 3.0, 4.0]], "not finite"),
        ({"sepal length (cm)": [1.0]}, "there is no column 'sepal width (cm)' and 2 more"),
    ],
)
def test_rows_that_are_no_rows_are_refused_with_what_is_wanted(trained, rows, complaint):
    network = load(trained("dataset=iris"))
    with pytest.raises(UserError) as refused:
        network.predict(rows)
    assert complaint in str(refused.value)


def test_classes_that_are_none_are_refused(trained):
    network, (rows, _) = load(trained("dataset=iris")), rows_of("iris")
    with pytest.raises(UserError, match="there is no class 'rosa'"):
        network.evaluate(rows[:1], ["rosa"])
    with pytest.raises(UserError, match="1 rows and 2 answers"):
        network.evaluate(rows[:1], ["setosa", "setosa"])


def test_no_rows_are_no_answers(trained):
    network = load(trained("dataset=iris"))
    assert network.predict(np.empty((0, 4))).shape == (0,)


def test_a_network_of_an_earlier_version_is_known_by_its_run(trained):
    folder = trained("dataset=iris")
    arrays = read_arrays(folder / NETWORK)
    before = load(folder).predict(rows_of("iris")[0])
    del arrays[CARD]
    write_arrays(folder / NETWORK, arrays)
    assert (load(folder).predict(rows_of("iris")[0]) == before).all()


def test_a_file_alone_is_enough(trained, tmp_path):
    folder = trained("dataset=iris")
    (folder / NETWORK).rename(tmp_path / "flowers.npz")
    assert load(tmp_path / "flowers.npz").classes == ("setosa", "versicolor", "virginica")


def test_a_kept_network_is_where_another_run_begins(trained, nnreg, project):
    folder = trained("dataset=iris")
    answer = nnreg(*QUICK, "dataset=iris", "init=saved", f"init.file={folder}", "steps=1", "optimizer.lr=1e-9")
    assert answer.code == 0, answer.err
    (again,) = (project / "runs").iterdir()
    assert read_summary(again)["metrics"]["valid/loss_final"] == pytest.approx(final(folder)["loss"], rel=1e-5)


def test_nothing_of_where_a_run_is_recorded_is_kept_with_its_network(trained):
    folder = trained("dataset=iris", "tags={owner:secret}", "notes=private")
    content = (folder / NETWORK).read_bytes()
    assert b"secret" not in content
    assert b"private" not in content


@pytest.mark.long
@pytest.mark.parametrize(
    ("folder", "complaint"),
    [
        ("nowhere", "there is no"),
        (".", "is not the folder of a run"),
        ("descent", "is of task=descend, which trains no network"),
    ],
)
def test_where_there_is_no_network_it_is_said_why(nnreg, project, folder, complaint):
    nnreg("task=descend", "steps=5", f"hydra.run.dir={project / 'descent'}")
    with pytest.raises(UserError, match=complaint):
        load(project / folder)


def test_a_run_that_diverged_has_no_network(trained):
    folder = trained("dataset=friedman1", "loss=mse", "optimizer.lr=1000", "optimizer=sgd")
    with pytest.raises(UserError, match="has no network: the run ended as diverged"):
        load(folder)


class _Evil:
    def __reduce__(self):
        return (open, ("evil.txt", "w"))


def card_of(folder):
    return json.loads(read_arrays(folder / NETWORK)[CARD].tobytes())


def write_card(folder, card):
    arrays = read_arrays(folder / NETWORK)
    arrays[CARD] = np.frombuffer(json.dumps(card).encode(), np.uint8)
    write_arrays(folder / NETWORK, arrays)


@pytest.mark.parametrize(
    "kind", ["objects", "wide", "deep", "features", "shape", "classes", "text", "infinite", "technique", "scale"]
)
def test_what_strangers_wrote_is_refused_in_a_line_and_runs_nothing(trained, project, kind):
    folder = trained("dataset=iris")
    arrays, card = read_arrays(folder / NETWORK), card_of(folder)
    if kind == "objects":
        with zipfile.ZipFile(folder / NETWORK, "w") as archive, archive.open("W1.npy", "w") as member:
            np.lib.format.write_array(member, np.array([_Evil()], object), allow_pickle=True)
    elif kind == "wide":
        card["config"]["hidden"] = [10**12]
    elif kind == "deep":
        card["config"]["hidden"] = [1] * 100_000
    elif kind == "features":
        card["features"] = 10**15
    elif kind == "shape":
        card["shape"] = [3, 5]
    elif kind == "classes":
        card["preprocessing"]["classes"] = ["one"]
    elif kind == "text":
        arrays[CARD] = np.frombuffer(pickle.dumps(_Evil()), np.uint8)
        write_arrays(folder / NETWORK, arrays)
    elif kind == "infinite":
        write_arrays(folder / NETWORK, {**arrays, "W1": np.full_like(arrays["W1"], np.inf)})
    elif kind == "technique":
        card["config"]["activation"] = {"name": "os.system"}
    elif kind == "scale":
        card["preprocessing"]["scale"] = 0
    if kind not in ("objects", "text", "infinite"):
        write_card(folder, card)
    with pytest.raises(UserError) as refused:
        load(folder)
    assert len(str(refused.value).splitlines()) == 1
    assert str(folder / NETWORK) in str(refused.value)
    assert not (project / "evil.txt").exists()


def test_a_dataset_that_says_nothing_of_its_scaling_takes_rows_as_it_hands_them_over(trained):
    network = load(trained("dataset=moons"))
    x, y = held_out("moons")
    assert network.evaluate(x, y)["accuracy"] == pytest.approx((network.predict(x) == y).mean())
