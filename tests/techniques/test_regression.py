"""Values instead of classes, from the command line to table, figure and tracking; and every dataset trained a little."""

import re

import numpy as np
import pytest

from nnreg.contracts import Split, Splits
from nnreg.engine.history import TRAIN_LOSS, VALID_LOSS, VALID_R2, History, Record
from nnreg.engine.network import Network
from nnreg.figures import loss_figure
from nnreg.records.folder import read_summary
from nnreg.registry import building
from nnreg.runs.resume import saved_config
from nnreg_std.activations.relu import ReLU
from nnreg_std.inits.he import He
from nnreg_std.losses.mse import MSE
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.regularizers.none import NoRegularizer
from tests.records.cards import card
from tests.tracking.stores import curve, new_database, only_run

pytestmark = pytest.mark.usefixtures("undrawn")

QUICK = ("steps=60", "batch=32", "hidden=[20]", "validate_every=20", "optimizer=adam", "optimizer.lr=0.01")
REGRESSIONS = ("diabetes", "friedman1", "sine")
CLASSES = ("digits", "spirals", "moons", "circles", "blobs", "iris", "wine", "breast_cancer")


def summaries(project):
    return [read_summary(file.parent) for file in sorted(project.glob("runs/**/summary.json"))]


@pytest.mark.parametrize("dataset", REGRESSIONS)
def test_with_the_default_loss_the_one_that_fits_is_named(nnreg, dataset):
    answer = nnreg(f"dataset={dataset}", *QUICK)
    assert answer.code == 2
    said = f"nnreg: dataset={dataset} has values as targets, loss=softmax_cross_entropy takes classes: use loss=mse"
    assert answer.complaint == said


class Undeclared:
    """A loss for classes that inherits nothing, and does not say what it takes."""

    def __init__(self):
        loss = SoftmaxCrossEntropy()
        self.value, self.value_and_gradient = loss.value, loss.value_and_gradient


def test_a_loss_that_does_not_say_what_it_takes_is_for_classes(nnreg, monkeypatch):
    technique = building.build_technique
    monkeypatch.setattr(building, "build_technique", lambda *where: Undeclared() if where[-1] == "loss" else technique(*where))
    complaint = nnreg("dataset=diabetes", *QUICK).complaint
    assert complaint.endswith("dataset=diabetes has values as targets, loss=softmax_cross_entropy takes classes: use loss=mse")


@pytest.mark.long
def test_a_training_split_of_a_single_value_has_no_r2_and_is_not_watched(nnreg, project):
    words = ("dataset=diabetes", "loss=mse", *QUICK, "train_size=1", "batch=1")
    refused = nnreg(*words, "watch_train=true")
    assert (refused.code, refused.complaint) == (
        2,
        "nnreg: watch_train=true measures R² on the training rows, which has no meaning where dataset=diabetes has a single "
        "value there: use watch_train=false, or more rows than 1",
    )
    assert list(project.iterdir()) == []
    assert nnreg(*words).code == 0


@pytest.mark.parametrize("dataset", REGRESSIONS)
def test_a_regression_trains_and_its_table_shows_r2(nnreg, project, dataset):
    answer = nnreg(f"dataset={dataset}", "loss=mse", *QUICK)
    assert answer.code == 0, answer.err
    (summary,) = summaries(project)
    metrics = summary["metrics"]
    assert metrics["valid/loss_final"] < 0.5, "half the squared error of always answering the mean"
    assert metrics["valid/r2_best"] > 0.1
    assert not any("accuracy" in name for name in metrics)
    assert re.search(rf"valid r2 +{metrics['valid/r2_final']:.4f} +{metrics['valid/r2_best']:.4f}", answer.out)
    assert re.search(rf"test r2 +{metrics['test/r2']:.4f}", answer.out)


@pytest.mark.parametrize("dataset", CLASSES)
def test_a_classification_learns_more_than_chance_from_its_first_85_rows(nnreg, project, dataset):
    assert nnreg(f"dataset={dataset}", "train_size=85", *QUICK).code == 0
    (summary,) = summaries(project)
    assert summary["metrics"]["valid/accuracy_final"] > {"digits": 0.5, "spirals": 0.5}.get(dataset, 0.6)


@pytest.mark.parametrize(("activation", "low", "high"), [("relu", 0.98, 1), ("identity", 0.8, 0.92)])
def test_moons_need_a_bent_line_and_a_small_network_draws_it(nnreg, project, activation, low, high):
    words = ("dataset=moons", "steps=600", "hidden=[32]", "optimizer=adam", "optimizer.lr=0.01", f"activation={activation}")
    assert nnreg(*words).code == 0
    (summary,) = summaries(project)
    assert low <= summary["metrics"]["test/accuracy"] <= high


@pytest.mark.long
@pytest.mark.parametrize("dataset", REGRESSIONS)
def test_the_first_80_rows_of_a_regression_can_be_trained_on_alone(nnreg, dataset):
    answer = nnreg(f"dataset={dataset}", "train_size=80", "loss=mse", *QUICK)
    assert answer.code == 0, answer.err
    assert "80 train" in answer.out


def test_r2_is_the_share_of_the_variance_explained():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((500, 3)), rng.standard_normal((500, 2))
    network = Network(3, [8], 2, activation=ReLU(), loss=MSE(), regularizer=NoRegularizer(), rows=64, dtype=np.float64)
    network.initialise(He(), rng)
    weights = {name: view.theta for name, view in network.parameters.named.items()}
    answers = np.maximum(x @ weights["W1"] + weights["b1"], 0) @ weights["W2"] + weights["b2"]
    measured = network.evaluate(x, y)
    assert measured["r2"] == pytest.approx(1 - ((y - answers) ** 2).sum() / ((y - y.mean(axis=0)) ** 2).sum())
    assert measured["loss"] == pytest.approx(((y - answers) ** 2).sum() / 2 / 500)
    assert set(measured) == {"loss", "r2"}


@pytest.mark.parametrize("part", ["valid", "test"])
def test_a_held_out_part_of_one_value_is_refused_because_r2_would_divide_by_zero(part):
    rows, one = Split(np.zeros((4, 1)), np.arange(4.0)[:, None]), Split(np.zeros((2, 1)), np.ones((2, 1)))
    parts = {"train": rows, "valid": rows, "test": rows} | {part: one}
    with pytest.raises(ValueError, match=rf"{part}\.y holds a single value, of which R² has no meaning"):
        Splits(**parts, outputs=1, source="made up")


def past():
    made = History()
    for step in range(100):
        made.add(Record(step, TRAIN_LOSS, 0.05 + 0.4 / (1 + step / 5)))
        if (step + 1) % 10 == 0:
            made.add(Record(step + 1, VALID_LOSS, 0.06))
            made.add(Record(step + 1, VALID_R2, 0.75 - 0.5 / (1 + step)))
    return made


@pytest.fixture
def picture(tmp_path):
    config = card(tmp_path).config | {"loss": {"name": "mse"}}
    return loss_figure(card(tmp_path, choices=card(tmp_path).choices | {"loss": "mse"}, config=config), past())


def test_the_figure_shows_r2_below_the_loss_and_names_the_loss(picture):
    upper, lower = picture.axes
    assert upper.get_ylabel() == "loss (mse)"
    assert lower.get_ylabel() == "validation R²"
    np.testing.assert_array_equal(lower.lines[0].get_ydata(), past().series(VALID_R2)[1])
    assert lower.get_ylim()[1] == pytest.approx(1.01)
    assert [text.get_text() for text in lower.texts] == ["0.745"]


def test_losses_within_one_decade_have_plain_numbers_and_the_name_of_the_axis_stays_on_the_page(picture):
    picture.canvas.draw()
    upper = picture.axes[0]
    numbers = {label.get_text() for label in upper.get_yticklabels(which="both")}  # also those just outside the panel
    assert {"0.06", "0.1", "0.2", "0.3", "0.4"} <= numbers
    assert all(re.fullmatch(r"[0-9.]*", number) for number in numbers)
    assert upper.yaxis.label.get_window_extent().x0 > 0


@pytest.mark.long
def test_a_sweep_has_a_column_for_r2_and_the_best_comes_first(nnreg, project):
    answer = nnreg("-m", "dataset=sine", "loss=mse", *QUICK[:-2], "optimizer=sgd,adam", "optimizer.lr=0.01")
    assert answer.code == 0, answer.err
    assert re.search(r"valid R² .*test R² +seconds", answer.out)
    assert "acc." not in answer.out
    by_job = {summary["job"]: summary["metrics"]["train/loss_mean_last_100"] for summary in summaries(project)}
    order = [int(job) for job in re.findall(r"^(\d) +(?:sgd|adam)", answer.out, flags=re.M)]
    assert order == sorted(by_job, key=by_job.get)


def test_r2_is_a_metric_in_mlflow(nnreg, project):
    new_database(project / "mlflow.db")
    answer = nnreg("dataset=sine", "loss=mse", *QUICK, tracking=True)
    assert answer.code == 0, answer.err
    uri = f"sqlite:///{project / 'mlflow.db'}"
    run = only_run(uri)
    assert run.data.params["dataset"] == "sine"
    assert {"valid/r2", "valid_r2_final", "test_r2"} <= set(run.data.metrics)
    assert sorted(curve(uri, run.info.run_id, VALID_R2)) == [20, 40, 60]


# --- a person's own data, from the command line ---------------------------------------------------------------------------

TABLE = "size,weight,kind\n" + "".join(f"{i},{(i * 7) % 13},{'small' if i < 50 else 'large'}\n" for i in range(100))


@pytest.fixture
def table(project):
    (project / "data").mkdir()
    (project / "data" / "things.csv").write_text(TABLE)
    return "dataset.path=data/things.csv"


def test_a_table_of_ones_own_trains_and_trains_again_from_its_configuration(nnreg, project, table):
    answer = nnreg("dataset=csv", table, "dataset.target=kind", *QUICK)
    assert answer.code == 0, answer.err
    (summary,) = summaries(project)
    assert summary["metrics"]["valid/accuracy_final"] > 0.9
    (folder,) = (project / "runs").iterdir()
    assert nnreg("rerun", str(folder)).code == 0
    first, second = summaries(project)
    assert first["metrics"]["train/loss_mean_last_100"] == second["metrics"]["train/loss_mean_last_100"]


def test_a_column_of_numbers_makes_it_a_regression(nnreg, table):
    assert nnreg("dataset=csv", table, "dataset.target=0", "dataset.drop=[kind]", "loss=mse", *QUICK).code == 0


VERSIONS = "1.1,1.10,höhe\n" + "".join(f"{i * 10},{i % 7},{i}\n" for i in range(100))


@pytest.mark.long
@pytest.mark.parametrize("typed", ["dataset.target=1.10", "dataset.target='1.10'"])
def test_the_column_that_was_typed_is_the_target_and_is_so_again(nnreg, project, typed):
    (project / "mine.csv").write_text(VERSIONS)
    words = ("dataset=csv", "dataset.path=mine.csv", typed, "dataset.drop=[höhe]", "loss=mse", *QUICK)
    answer = nnreg(*words)
    assert answer.code == 0, answer.err
    assert "mine.csv (delimiter comma, names in the first line, target '1.10': values)" in answer.out
    (folder,) = (project / "runs").iterdir()
    assert "target '1.10': values" in nnreg("rerun", str(folder)).out


@pytest.mark.long
def test_the_columns_that_were_typed_are_swept(nnreg, project):
    (project / "mine.csv").write_text(VERSIONS)
    answer = nnreg("-m", "dataset=csv", "dataset.path=mine.csv", "dataset.target=1.1,1.10", "loss=mse", *QUICK)
    assert answer.code == 0, answer.err
    assert sorted(config["dataset"]["target"] for config in map(saved_config, project.glob("runs/*/[01]"))) == ["1.1", "1.10"]


@pytest.mark.long
def test_the_loss_decides_what_counts_are_and_the_run_says_so(nnreg, project):
    (project / "mine.csv").write_text("x,n\n" + "".join(f"{i},{i % 5}\n" for i in range(100)))
    words = ("dataset=csv", "dataset.path=mine.csv", *QUICK)
    assert "target 'n': values" in nnreg(*words, "loss=mse").out
    assert "target 'n': 5 classes" in nnreg(*words, "loss=mse", "dataset.task=classes").out
    assert "target 'n': 5 classes" in nnreg(*words).out


@pytest.mark.long
def test_a_loss_that_does_not_fit_a_table_says_what_does(nnreg, project):
    (project / "mine.csv").write_text("x,price\n" + "".join(f"{i},{i / 7}\n" for i in range(100)))
    words = ("dataset=csv", "dataset.path=mine.csv", *QUICK)
    assert nnreg(*words).complaint.endswith("takes classes: use loss=mse, or dataset.task=classes for labels")
    assert nnreg(*words, "loss=binary_cross_entropy").complaint.endswith("dataset.standardise=false keeps values as they are")


def test_arrays_of_ones_own_train(nnreg, project):
    x = np.random.default_rng(0).standard_normal((100, 3))
    np.savez(project / "data.npz", x=x, y=x @ [1.0, -2.0, 0.5])
    answer = nnreg("dataset=arrays", "dataset.path=data.npz", "loss=mse", *QUICK)
    assert answer.code == 0, answer.err


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("dataset=csv",), "dataset=csv needs a value for path: add dataset.path=VALUE"),
        (("dataset=arrays",), "dataset=arrays needs a value for path: add dataset.path=VALUE"),
        (("dataset=csv", "dataset.path=data/thing.csv"), "did you mean dataset.path=data/things.csv?"),
        (("dataset=csv", "dataset.path=data"), "data is a folder: name a file in it"),
        (
            ("dataset=csv", "dataset.path=data/things.csv", "dataset.target=kin"),
            "there is no column 'kin'; did you mean 'kind'?",
        ),
        (("dataset=csv", "dataset.path=data/things.csv", "dataset.target=size"), "column 'kind' holds 'small', not a number"),
        (("dataset=csv", "dataset.path=data/things.csv", "dataset.delimiter=tab"), "use dataset.delimiter=comma"),
        (("dataset=csv", "dataset.path=data/things.csv", "dataset.task=guess"), "expected one of [auto, classes, values]"),
        (("dataset=csv", "dataset.path=data/things.csv", "dataset.pth=3"), "no parameter 'pth'; did you mean 'path'?"),
        (("dataset=arrays", "dataset.path=data/things.csv"), "things.csv is damaged or no .npz file: save it with np.savez"),
        (("dataset=iris", "batch=128"), "batch=128 is larger than the 90 training rows of iris: use batch=90 or less"),
        (("dataset=sine", "loss=mse", "train_size=5000"), "train_size=5000 is more than the 900 training rows of sine"),
        (("dataset=sine", "loss=mse", "dataset.rows=20", "dataset.valid_fraction=0.05"), "valid.y holds a single value"),
        (("dataset=iris", "dataset.valid_fraction=0.001"), "valid has no rows: give it a larger share, or none at all"),
    ],
)
def test_mistakes_are_said_in_one_line(nnreg, table, words, said):
    answer = nnreg(*words)
    assert answer.code == 2
    assert answer.complaint.startswith("nnreg: ")
    assert said in answer.complaint
