"""`python -m nnreg predict RUN FILE`: tables, arrays and pictures in; a table, or a file of predictions, out."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nnreg import load
from tests.runs.kept import fake_pictures, rows_of, write_table

QUICK = ("steps=40", "batch=16", "hidden=[12]", "optimizer=adam", "optimizer.lr=0.01")


@pytest.fixture
def trained(nnreg, project, undrawn):
    def train(*words):
        answer = nnreg(*QUICK, *words, f"hydra.run.dir={project / 'run'}")
        assert answer.code == 0, answer.err
        return project / "run"

    return train


@pytest.fixture
def flowers(trained):
    return trained("dataset=iris")


def write_rows(path, names, rows, sign=","):
    lines = [sign.join(names)] if names else []
    path.write_text("\n".join([*lines, *(sign.join(map(str, row)) for row in rows)]) + "\n")


NAMES = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("names", [NAMES, ()])
def test_a_table_is_answered_line_by_line(nnreg, project, flowers, names):
    rows, _ = rows_of("iris")
    write_rows(project / "new.csv", names, rows.tolist())
    answer = nnreg("predict", str(flowers), "new.csv", "--output", "out.csv")
    assert (answer.code, answer.err) == (0, "")
    found, network = read(project / "out.csv"), load(flowers)
    assert [row["prediction"] for row in found] == network.predict(rows).tolist()
    assert [int(row["line"]) for row in found] == list(range(2 if names else 1, len(rows) + (2 if names else 1)))
    shares = np.array([[float(row[f"p({name})"]) for name in network.classes] for row in found])
    np.testing.assert_allclose(shares, network.probabilities(rows), rtol=1e-5)


def test_columns_are_taken_by_name_and_others_left_aside(nnreg, project, flowers):
    rows, _ = rows_of("iris")
    write_rows(
        project / "new.csv", ["id", *NAMES[::-1]], [[f"f{place}", *row[::-1]] for place, row in enumerate(rows.tolist())], ";"
    )
    assert nnreg("predict", str(flowers), "new.csv", "--output", "out.csv").code == 0
    assert [row["prediction"] for row in read(project / "out.csv")] == load(flowers).predict(rows).tolist()


def test_a_table_on_the_terminal_fits_eighty_columns(nnreg, project, flowers, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    write_rows(project / "new.csv", NAMES, rows_of("iris")[0].tolist())
    answer = nnreg("predict", str(flowers), "new.csv")
    assert max(map(len, answer.out.splitlines())) <= 80
    assert answer.out.count("line ") == 30
    assert "%" in answer.out


def test_a_table_of_ones_own_is_read_as_the_one_that_was_trained_on(nnreg, project, trained):
    cells = write_table(project / "table.csv", gaps=True)
    folder = trained(
        "dataset=csv", "dataset.path=table.csv", "dataset.encoding=cp1250", "dataset.categories=one_hot", "dataset.missing=drop"
    )
    answer = nnreg("predict", str(folder), "table.csv", "--output", "out.csv")
    assert answer.code == 0, answer.err
    assert "12 rows with a missing cell left without an answer" in answer.complaint
    found = read(project / "out.csv")
    assert len(found) == len(cells)
    assert all((row["prediction"] == "") is (not all(line)) for row, line in zip(found, cells, strict=True))
    right = sum(row["prediction"] == line[-1] for row, line in zip(found, cells, strict=True) if all(line))
    assert f"accuracy {100 * right / 108:.2f} %" in answer.out


def test_values_come_in_their_unit_under_their_name(nnreg, project, trained):
    folder, (rows, _) = trained("dataset=diabetes", "loss=mse"), rows_of("diabetes")
    np.savez(project / "new.npz", x=rows)
    assert nnreg("predict", str(folder), "new.npz", "--output", "out.csv").code == 0
    given = [float(row["progression"]) for row in read(project / "out.csv")]
    assert given == pytest.approx(load(folder).predict(rows).tolist())
    assert 25 < np.mean(given) < 346


def test_answers_that_stand_in_the_file_are_compared(nnreg, project, trained):
    folder, (rows, labels) = trained("dataset=digits"), rows_of("digits")
    np.savez(project / "new.npz", x=rows.reshape(-1, 8, 8), y=labels)
    answer = nnreg("predict", str(folder), "new.npz")
    share = (load(folder).predict(rows) == labels).mean()
    assert f"accuracy {100 * share:.2f} %" in answer.out


def test_a_picture_is_brought_to_the_size_and_the_ink_of_the_dataset(nnreg, project, trained):
    folder, (rows, _) = trained("dataset=digits"), rows_of("digits")
    network = load(folder)
    rows = rows[[network.probabilities(rows).max(axis=1).argmax()]]  # the one that it is surest of
    digit = np.repeat(np.repeat(rows[0].reshape(8, 8) / 16 * 255, 10, 0), 10, 1).round().astype(np.uint8)
    Image.fromarray(digit).save(project / "light.png")
    Image.fromarray(255 - digit).convert("RGB").save(project / "dark.png")  # as a pen writes
    clear = Image.fromarray(np.zeros((80, 80, 4), np.uint8))
    clear.paste((0, 0, 0, 255), mask=Image.fromarray(digit))
    clear.save(project / "clear.png")
    answer = nnreg("predict", str(folder), "light.png", "dark.png", "clear.png", "--output", "out.csv")
    assert answer.code == 0, answer.err
    found = read(project / "out.csv")
    assert [row["row"] for row in found] == ["light.png", "dark.png", "clear.png"]
    for row in found:
        assert int(row["prediction"]) == network.predict(rows[:1])[0]
        assert float(row["p(3)"]) == pytest.approx(network.probabilities(rows[:1])[0][3], abs=0.02)


def test_a_wide_picture_is_not_squeezed(nnreg, project, trained, monkeypatch, tmp_path):
    from nnreg.runs.predict import picture_of

    fake_pictures(monkeypatch, tmp_path)
    network = load(trained("dataset=mnist", "dataset.rows=120", "dataset.valid_size=40"))
    wide = Image.new("L", (560, 280))
    ImageDraw.Draw(wide).rectangle((140, 0, 419, 279), fill=255)
    wide.save(project / "wide.png")
    seen = picture_of(network, project / "wide.png").reshape(28, 28)
    assert (seen[7:21, 7:21] == 255).all()
    assert seen.sum() == 255 * 14 * 14


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("new.csv", "1,2,3\n4,5,6\n", "has 3 columns without names, the network takes 4"),
        ("new.csv", f"{','.join(NAMES[:3])},petals\n1,2,3,4\n", "there is no column 'petal width (cm)'"),
        ("new.csv", f"{','.join(NAMES)}\n", "has no row below them"),
        ("new.csv", f"{','.join(NAMES)}\n1,2,3\n", "line 2 has 3 cells, the first line has 4"),
        ("new.csv", f"{','.join(NAMES)}\n1,2,3,\n", "line 2, column 'petal width (cm)' is missing"),
        ("new.csv", f"{','.join(NAMES)}\n1,2,3,wide\n", "line 2, column 'petal width (cm)' holds 'wide', where a number"),
        ("new.csv", "", "is empty"),
        ("new.npz", "no archive", "no archive of arrays"),
        ("new.png", "no picture", "are no pictures"),
        ("new.parquet", "PAR1", "is a Parquet file"),
    ],
)
def test_a_file_that_holds_no_rows_is_refused_in_a_line(nnreg, project, flowers, name, content, complaint):
    (project / name).write_text(content)
    answer = nnreg("predict", str(flowers), name, "--output", "out.csv")
    assert answer.code == 2
    assert complaint in answer.complaint
    assert name in answer.complaint
    assert not (project / "out.csv").exists()


def test_a_file_that_is_not_there_and_a_run_that_is_none_are_told_apart(nnreg, project, flowers):
    assert "there is no file new.csv" in nnreg("predict", str(flowers), "new.csv").complaint
    (project / "new.csv").write_text("1,2,3,4\n")
    assert "there is no nowhere" in nnreg("predict", "nowhere", "new.csv").complaint
    assert "is no file" in nnreg("predict", str(flowers), str(project)).complaint


def test_the_rows_are_never_written_over(nnreg, project, flowers):
    write_rows(project / "new.csv", NAMES, [[1, 2, 3, 4]])
    answer = nnreg("predict", str(flowers), "new.csv", "--output", "new.csv")
    assert "is the file with the rows" in answer.complaint
    assert len((project / "new.csv").read_text().splitlines()) == 2


def test_a_picture_that_is_a_bomb_is_refused(nnreg, project, trained, monkeypatch):
    folder = trained("dataset=digits")
    monkeypatch.setattr("nnreg.runs.predict.PIXELS", 100)
    Image.new("L", (11, 10)).save(project / "large.png")
    assert "11 by 10 pixels, more than" in nnreg("predict", str(folder), "large.png").complaint
