"""The benchmarks print their tables, and the contenders that need nothing installed train the same as nnreg."""

import dataclasses
import importlib
import itertools
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnreg import run
from nnreg.comparison.chance import holm, typical
from nnreg.comparison.judging import Ruler
from nnreg.comparison.race import judge_race

FOLDER = Path(__file__).parents[1] / "benchmarks"
FEW = ("--rows", "500")  # to train on: what is shown here is what is printed, not how fast it is
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def printed():
    arguments = ["--workloads", "W2", "--optimizers", "momentum", "--threads", "1", "--blocks", "2", "--steps", "2", *FEW]
    contenders = ["--contenders", "nnreg", "sgemm alone", "scikit-learn", "source's way"]
    command = [sys.executable, str(FOLDER / "peers.py"), *arguments, *contenders]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def row(printed, name):
    return next(line for line in printed.splitlines() if line.startswith(name)).removeprefix(name).split()


@pytest.mark.long
def test_a_contender_trains_the_same_network_from_the_same_weights_on_the_same_batches(printed):
    own, source = float(row(printed, "nnreg")[6]), float(row(printed, "source's way")[6])
    assert math.isclose(own, source, rel_tol=1e-4)


@pytest.mark.long
def test_the_table_has_minimum_quartile_and_median_and_their_ratios_to_nnreg(printed):
    assert row(printed, "nnreg")[3:6] == ["1.00", "1.00", "1.00"]
    least, quartile, median = map(float, row(printed, "source's way")[:3])
    assert 0 < least <= quartile <= median


def test_a_contender_that_cannot_train_a_workload_says_why(printed):
    assert "scikit-learn           did not train: has no batch norm" in printed


def test_the_products_alone_claim_no_loss(printed):
    assert " ".join(row(printed, "sgemm alone")[6:]) == "trains nothing"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


@pytest.fixture
def competition(benchmark):
    """Least times in µs: 110 for nnreg, 100 compiled, 60 for the products, 150 and 90 for two others; one did not train."""
    peers, processes, workloads = map(benchmark, ("peers", "processes", "workloads"))
    times = {"nnreg": [130.0, 110.0], "nnreg[fast]": [120.0, 100.0], "sgemm alone": [60.0]}
    times |= {"torch eager": [150.0], "jax scan of 100": [90.0, 95.0]}
    results = {name: processes.Result(times=list(each)) for name, each in times.items()}
    results["scikit-learn"] = processes.Result(trouble="has no batch norm")
    return peers.Competition(workloads.WORKLOADS["W1"], "sgd", 1, results)


def test_a_page_gives_least_times_and_says_which_targets_are_reached_and_who_is_ahead(benchmark, competition):
    page = benchmark("peers").markdown([competition])
    assert "| jax scan of 100 | 90 · 0.82 |" in page
    assert "| W1 sgd, one thread | nnreg[fast] | sgemm alone | 0.80 | 0.60 |" in page
    assert "| W1 sgd, one thread | nnreg[fast] | torch, its best | 1.75 | 1.50 |" in page
    assert "- W1 sgd, one thread: jax scan of 100 (1.11 times)" in page
    assert "scikit-learn" not in page


@pytest.mark.parametrize(("is_small", "least"), [(True, "1.20"), (False, "1.00")])
def test_jax_is_a_higher_mark_where_small_products_have_kernels(benchmark, competition, monkeypatch, is_small, least):
    monkeypatch.setattr(benchmark("peers"), "has_small_kernels", lambda: is_small)
    assert f"| W1 sgd, one thread | nnreg[fast] | jax scan of 100 | {least} | 0.90 |" in benchmark("peers").markdown(
        [competition]
    )


def test_the_picture_of_peers_has_a_row_each_and_every_peer_that_trained(benchmark, competition, monkeypatch, tmp_path):
    glance, drawn = benchmark("glance"), []
    monkeypatch.setattr("nnreg.figures.page.save_figure", lambda figure, path: drawn.append(figure))
    glance.save_picture([competition, dataclasses.replace(competition, threads=2)], "about", tmp_path / "peers.png")
    for axes, words in zip(drawn[0].axes, ("one thread", "2 threads"), strict=True):
        assert axes.get_title(loc="left") == words
        assert [label.get_text() for label in axes.get_yticklabels()] == ["W1 sgd, 100 µs"]
        where = sorted(line.get_xdata()[0] for line in axes.get_lines())
        assert where == pytest.approx([0.6, 0.9, 1.0, 1.1, 1.5]), "products, JAX, the line, NumPy alone, torch"
    legend = [text.get_text() for text in drawn[0].axes[0].get_legend().get_texts()]
    assert legend == ["products alone", "nnreg by NumPy alone", "JAX, scan of 100", "torch, its best"]


def test_the_picture_of_scale_tells_its_lines_apart_and_says_what_the_products_are(benchmark, monkeypatch, tmp_path):
    scale = benchmark("scale")
    costs = [scale.Cost(rows, step, products) for rows, step, products in ((10, 100.0, 67.0), (1000, 400.0, 364.0))]
    measured = {name: (scale.AXES[name], costs) for name in ("rows", "rows as float32")}
    drawn = []
    monkeypatch.setattr("nnreg.figures.page.save_figure", lambda figure, path: drawn.append(figure))
    scale.save_picture(measured, "about", tmp_path / "scale.png")
    own, products, other = drawn[0].axes[0].get_lines()
    assert products.get_label() == "its products alone, 67 to 91 % of a step"
    looks = [(line.get_color(), line.get_linestyle(), line.get_markerfacecolor()) for line in (own, other)]
    assert all(a != b for a, b in zip(*looks, strict=True))
    assert scale.shares(costs[:1]) == "67 %"


def test_a_target_is_bold_where_it_is_reached(benchmark, competition):
    competition.results["torch eager"].times[:] = [180.0]
    assert "| 1.75 | **1.80** |" in benchmark("peers").markdown([competition])


def test_every_part_of_the_page_can_be_measured_anew_and_leaves_the_others_alone(benchmark):
    performance = benchmark("performance")
    page = performance.PAGE.read_text(encoding="utf-8")
    for part in performance.PARTS:
        assert performance.replaced(page, part, "found \\1") != page
        assert (
            performance.replaced(performance.replaced(page, part, "found"), part, "again").count("again")
            == page.count("again") + 1
        )
    with pytest.raises(ValueError, match="one part between"):
        performance.replaced("no parts", "peers", "found")


def test_what_is_written_into_the_page_while_a_part_is_measured_is_kept(benchmark, monkeypatch, tmp_path):
    performance = benchmark("performance")
    page = tmp_path / "page.md"
    page.write_text("<!-- scale -->\nold\n<!-- /scale -->\n", encoding="utf-8")

    def measured_while_somebody_writes(part: str) -> str:
        page.write_text("By hand.\n" + page.read_text(encoding="utf-8"), encoding="utf-8")
        return "new"

    monkeypatch.setattr(performance, "PAGE", page)
    monkeypatch.setattr(performance, "printed", measured_while_somebody_writes)
    performance.main(["scale"])
    assert page.read_text(encoding="utf-8") == "By hand.\n<!-- scale -->\nnew\n<!-- /scale -->\n"


@pytest.fixture
def scale(benchmark):
    return benchmark("scale")


def test_the_slope_is_the_power_with_which_the_cost_grows(scale):
    costs = [scale.Cost(value, 3 * value**1.5, 1.0) for value in (10, 20, 80, 100)]
    assert scale.slope(costs) == pytest.approx(1.5)
    assert math.isnan(scale.slope(costs[:1]))


@pytest.mark.long
def test_what_grows_is_measured_beside_the_products_alone_and_drawn(tmp_path):
    picture = tmp_path / "scale.png"
    arguments = ["--axes", "width", "batch", "--most", "64", "--blocks", "2", "--picture", str(picture), *FEW]
    command = [sys.executable, str(FOLDER / "scale.py"), *arguments]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    table = [line.replace(",", "").split(" | ") for line in printed.splitlines() if line.startswith(("16 |", "32 |", "64 |"))]
    assert [row[0] for row in table] == ["64", "16", "32", "64"]
    for _, step, products, share in table:
        assert float(products) > 0
        exact = 0.5 + 100 / float(step)  # as far as numbers that are printed whole can be
        assert float(share.rstrip("%")) == pytest.approx(100 * float(products) / float(step), abs=exact)
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
def test_every_command_is_started_and_its_time_and_memory_are_printed(tmp_path):
    command = [sys.executable, str(FOLDER / "startup.py"), "--times", "1", "--commands", "python, nothing else", "plugins"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    bare, plugins = ([*map(float, row(printed, f"{name} |")[::2])] for name in ("python, nothing else", "plugins"))
    assert min(bare + plugins) > 0
    assert len(bare) == 3, "it has no target"
    assert plugins[3] == 1.0


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.extra("fast")
def test_what_compiled_code_changes_in_results_is_told_technique_by_technique():
    names = ["sgd", "muon", "tanh", "maxout", "layer_norm", "dropout", "mse"]
    command = [sys.executable, str(FOLDER / "compiled.py"), "rounding", "--techniques", *names]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    told = {
        cells[1]: cells[2:] for line in printed.splitlines()[4:] if (cells := [cell.strip() for cell in line.split("|")[1:-1]])
    }
    assert set(told) == set(names)
    assert told["sgd"] == ["yes", "none"]
    assert told["muon"] == told["maxout"] == ["by NumPy", ""]
    for name in ("tanh", "layer_norm", "dropout", "mse"):
        assert told[name][0] == "yes"
        assert told[name][1] == "none" or 0 < float(told[name][1]) < 3e-6


@pytest.mark.long
def test_a_tracked_sweep_is_set_beside_its_training_and_who_is_not_installed_is_named():
    arguments = ["--steps", "5", "--inits", "he", "--dataset", "digits", "--naive", "0", "--contenders", "nnreg", "--warm", "2"]
    arguments += FEW
    done = subprocess.run([sys.executable, str(FOLDER / "sweep.py"), *arguments], capture_output=True, text=True, check=True)
    rows = done.stdout.splitlines()[3:8]
    assert [row.split(",")[0].split("  ")[0] for row in rows] == [
        "(b) training alone",
        "(b) and its evaluations",
        "tracked sweep",
        "(a) training alone",
        "nnreg",
    ]
    assert rows[0].split()[-2:] == ["1.00", "1.00"]
    assert "did not train" not in done.stdout
    assert "missing (not installed: nnreg[joblib])" in rows[2] or len([float(number) for number in rows[2].split()[2:]]) == 4


@pytest.mark.long
def test_where_the_time_of_tracked_runs_goes_adds_up():
    arguments = ["--parts", "--steps", "5", "--inits", "he", "--dataset", "digits"]
    done = subprocess.run([sys.executable, str(FOLDER / "sweep.py"), *arguments], capture_output=True, text=True, check=True)
    _, _, *rows, last = (line.rsplit(maxsplit=3) for line in done.stdout.splitlines())
    calls = {name.strip(): int(number) for name, _, number, _ in rows}
    assert calls["training and recording"] == calls["network and techniques"] == 5
    assert all(calls.values())
    assert calls["Hydra around a job"] == 5
    assert sum(float(seconds) for _, seconds, _, _ in rows) == pytest.approx(float(last[-1]), abs=0.005 * len(rows) + 0.006)


def test_what_a_sweep_is_aimed_at_is_said_beside_what_came_of_it(benchmark):
    sweep = benchmark("sweep")
    walls = {
        "(b) training alone": 10,
        "(b) and its evaluations": 12.5,
        "tracked sweep": 14,
        "(a) training alone": 20,
        "jax jit": 12,
        "jax scan": 9,
    }
    lines = [line.rsplit(maxsplit=1) for line in sweep.goals({name: sweep.Took(wall, 0) for name, wall in walls.items()})]
    assert [(line[0].split("  ")[0], float(line[1])) for line in lines[1:]] == [
        ("(b) / (a)", 0.5),
        ("tracked sweep / (b)", 1.4),
        ("tracked sweep / (b) and evaluations", 1.12),
        ("jax, its best / (b)", 0.9),
    ]


@pytest.fixture(scope="module")
def real_losses(tmp_path_factory):
    """What the command makes of runs that are as short as can be."""
    file = tmp_path_factory.mktemp("losses") / "small.npz"
    arguments = ["--seeds", "4", "--tuned-seeds", "8", "--rates", "2", "--steps", "20", "--file", str(file)]
    command = [sys.executable, str(FOLDER / "answers_losses.py"), *arguments]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return printed, file


@pytest.mark.long
def test_real_losses_are_those_that_runs_of_nnreg_end_with(real_losses, tmp_path):
    printed, file = real_losses
    assert printed.startswith("152 runs of 20 steps in ")
    with np.load(file) as found:
        arms, losses, rates, tuned = (found[name] for name in ("arms", "losses", "rates", "tuned"))
    assert (losses.shape, rates.shape, tuned.shape) == ((14, 4, 2, 2), (6, 2), (6, 2, 8, 2, 2))
    words = [*str(arms[5]).split(), "seed=3", "steps=20", "tracking=off"]
    ended = run(*words, folder=tmp_path / "run", quiet=True).summary["metrics"]
    assert losses[5, 3, 1, 1] == np.float32(ended["valid/loss_final"])
    assert (losses[:, :, 0, 0] > 1).all(), "an untrained network of ten classes has a loss of about 2.3"


@pytest.mark.long
def test_how_often_answers_are_wrong_is_printed_as_tables(real_losses):
    arguments = ["--draws", "500", "--file", str(real_losses[1])]
    command = [sys.executable, str(FOLDER / "answers.py"), *arguments]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines() if line.startswith("| ")]
    covered = next(row[1:] for row in rows if row[0] == "lognormal(1)")
    assert [float(cell) for cell in covered] == pytest.approx([0.95] * 4, abs=0.03)
    false = [row for row in rows if row[0] == "lognormal(1)" and len(row) > 5]
    assert [row[1] for row in false] == ["2", "4", "8"]
    assert max(float(cell) for row in false for cell in row[2:]) < 0.05 + 0.03
    assert len(printed.split("\n**")) == 7, "six tables"
    page = (FOLDER.parent / "docs" / "answers.md").read_text(encoding="utf-8")
    heads = [
        line
        for line in printed.splitlines()
        if line.startswith(("**", "| losses |", "| arms |", "| judged by |", "| tuned by |"))
    ]
    assert [line for line in heads if line not in page] == [], "docs/answers.md has another version's tables: print them again"


def test_a_thousand_races_at_once_are_the_race_that_is_run(benchmark):
    answers = benchmark("answers")
    values = np.random.default_rng(0).normal(size=(40, 4, 20)) + np.array([0.0, 0.3, 1.0, 2.0])[:, None]
    live, beats, runs = answers.raced(values)
    for race in range(40):
        arms = {name: dict(enumerate(np.exp(row).tolist())) for name, row in zip("abcd", values[race], strict=True)}
        judged = judge_race(arms, range(20), Ruler("ratio", least=answers.loss_resolution()))
        assert {"abcd"[arm] for arm in np.flatnonzero(live[race])} == {*judged.live}
        assert {("abcd"[a], "abcd"[b]) for a, b in np.argwhere(beats[race])} == judged.beats
        assert runs[race] == sum(judged.seeds.values())


def test_claims_are_holm_over_all_pairs(benchmark):
    answers = benchmark("answers")
    values = np.random.default_rng(0).normal(size=(4, 12)) + np.array([0.0, 0.3, 1.0, 2.0])[:, None]
    pairs = list(itertools.combinations(range(4), 2))
    held = holm([typical(values[a] - values[b]).p for a, b in pairs])
    expected = {
        pair if values[pair[0]].mean() < values[pair[1]].mean() else pair[::-1]
        for pair, p in zip(pairs, held, strict=True)
        if p <= 0.05
    }
    assert {tuple(pair) for pair in np.argwhere(answers.claims(values)).tolist()} == expected
    assert expected


def test_what_is_tuned_by_one_split_and_judged_by_another_turns_around(benchmark):
    """Rate 0 is best by validation at even seeds and hopeless in training; tuned by training, rate 1 is always chosen."""
    answers, rng = benchmark("answers"), np.random.default_rng(0)
    table = 0.01 * rng.normal(size=(2, 2, 30, 2))
    table[0, 0, :, 0] += 2.0
    table[0, 0, ::2, 1] -= 1.0
    table[0, 0, 1::2, 1] += 1.0
    table[1, :, :, 0] += 1.0
    mixed, same = (answers._declared(table, tuned, 0, 1, 200, rng) for tuned in (1, 0))
    assert min(mixed[0, 1], mixed[1, 0]) > 0.2
    assert (same[0, 1], same[1, 0]) == (1.0, 0.0)
