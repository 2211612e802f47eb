"""Tables of one's own: read back what was written, or say in one line where it is wrong and what to do."""

import csv
import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnreg_std.datasets._columns import Wanted
from nnreg_std.datasets._layouts import SIGNS
from nnreg_std.datasets._tables import read_table
from nnreg_std.datasets.csv import CSV

FLOWERS = "length,width,kind\n" + "".join(f"{i},{i % 7 + 0.5},{'abc'[i % 3]}\n" for i in range(30))


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Write text to a file of the working directory and load it."""
    monkeypatch.chdir(tmp_path)

    def load(text, **parameters):
        (tmp_path / "data.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return CSV("data.csv", **parameters).load()

    return load


def whole(splits):
    return splits.train.x, splits.train.y


WHOLE = {"valid_fraction": 0.0, "test_fraction": 0.0, "standardise": False}


def sorted_rows(x, y):
    return sorted([*map(float, row), float(answer)] for row, answer in zip(x, np.ravel(y), strict=True))


def test_a_table_of_flowers_becomes_three_parts(table):
    splits = table(FLOWERS)
    assert {name: split.x.shape for name, split in splits.present().items()} == {
        "train": (18, 2),
        "valid": (6, 2),
        "test": (6, 2),
    }
    assert splits.outputs == 3
    assert splits.train.x.dtype == np.float32
    np.testing.assert_allclose(splits.train.x.mean(axis=0), 0, atol=1e-6)
    assert splits.source.endswith("data.csv (delimiter comma, names in the first line, target 'kind': 3 classes)")


def test_labels_become_numbers_in_sorted_order(table):
    x, y = whole(table(FLOWERS, **WHOLE))
    np.testing.assert_array_equal(y, x[:, 0] % 3)


cells = st.floats(-(2.0**100), 2.0**100, width=32)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(cells, cells, cells), min_size=2, max_size=20).filter(
        lambda rows: len({row[2] for row in rows}) > 1 and len({row[:2] for row in rows}) > 1
    ),
    delimiter=st.sampled_from(list(SIGNS)),
    header=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
)
def test_numbers_come_back_as_they_were_written(tmp_path, rows, delimiter, header, quoting, end, mark):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=SIGNS[delimiter], quoting=quoting, lineterminator=end)
    writer.writerows([("left", "right", "target")] * header + rows)
    file = tmp_path / "data.csv"
    file.write_bytes(text.getvalue().encode("utf-8-sig" if mark else "utf-8"))
    splits = CSV(str(file), task="values", delimiter=delimiter, **WHOLE).load()
    assert sorted_rows(*whole(splits)) == sorted(map(list, rows))
    assert splits.outputs == 1
    assert splits.train.y.shape == (len(rows), 1)


words = st.text("aB9é ß日Ω,;\t\"'", max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.lists(words, min_size=2))
def test_labels_of_any_script_come_back(tmp_path, labels):
    """Quotes, delimiters and accents included; marks at both ends, since white space there is not kept."""
    labels = [f"<{word}>" for word in labels]
    text = io.StringIO()
    csv.writer(text).writerows([("x", "y"), *enumerate(labels)])
    file = tmp_path / "data.csv"
    file.write_text(text.getvalue(), encoding="utf-8", newline="")
    found = read_table(file, Wanted("y", delimiter="comma"))
    assert found.answers.tolist() == labels
    assert found.x[:, 0].tolist() == list(range(len(labels)))


@pytest.mark.parametrize("target", ["kind", "2", "-1"])
def test_the_target_is_given_by_name_or_number(table, target):
    assert table(FLOWERS, target=target).outputs == 3


def test_a_name_goes_before_a_number(table):
    text = "1,0,b\n" + "".join(f"{i},{i % 2},5{i}\n" for i in range(20))
    x, y = whole(table(text, target="0", header="yes", **WHOLE))
    np.testing.assert_array_equal(x[:, 0] % 2, y)


def test_columns_are_dropped_by_name_or_number(table):
    text = "id,length,town,kind\n" + "".join(f"{i},{i * 2},Rome {i},{'ab'[i % 2]}\n" for i in range(20))
    x, y = whole(table(text, drop=("town", "0"), **WHOLE))
    assert x.shape == (20, 1)
    np.testing.assert_array_equal(x[:, 0] / 2 % 2, y)


@pytest.mark.parametrize(
    ("first", "header", "rows"),
    [
        ("a,b\n", "auto", 20),
        ("a,b\n", "yes", 20),
        ("1,2\n", "auto", 21),
        ("1,2\n", "yes", 20),
        ("1,2\n", "no", 21),
        ("", "no", 20),
    ],
)
def test_the_first_line_names_columns_unless_a_number_stands_in_it(table, first, header, rows):
    text = first + "".join(f"{i},{i / 3}\n" for i in range(20))
    assert len(table(text, header=header, **WHOLE).train.x) == rows


def test_empty_lines_and_white_space_do_not_matter(table):
    spaced = FLOWERS.replace(",", " , ").replace("\n", "  \n\n") + "\n\n"
    expected, found = (sorted_rows(*whole(table(text, **WHOLE))) for text in (FLOWERS, spaced))
    assert found == expected


def test_columns_set_apart_by_many_spaces_are_read(table):
    text = "".join(f"   {i}    {i % 2}   {'ab'[i % 2]}  \n" for i in range(20))
    assert table(text, delimiter="space", **WHOLE).train.x.shape == (20, 2)


def test_a_whole_number_target_may_be_values(table):
    text = "x,quality\n" + "".join(f"{i},{i % 3}\n" for i in range(30))
    assert table(text).targets == "classes"
    assert table(text, task="values").targets == "values"


def test_the_same_file_gives_the_same_rows(table):
    first, second = table(FLOWERS), table(FLOWERS)
    np.testing.assert_array_equal(first.train.x, second.train.x)
    assert (table(FLOWERS, random_state=1).train.x != first.train.x).any()


def test_only_as_many_rows_are_kept_as_needed_in_memory(tmp_path):
    """A large table is never a list of all its cells."""
    import tracemalloc

    import pandas  # noqa: F401 - its own memory does not count

    file = tmp_path / "large.csv"
    with file.open("w") as text:
        text.writelines(f"{','.join(['0.123456'] * 100)},{i % 2}\n" for i in range(2000))
    tracemalloc.start()
    read_table(file, Wanted())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2000 * 100 * 8


FILL = "fill it in, remove such rows with dataset.missing=drop"
CODE = "not a number: code it as one, dataset.categories=one_hot does"
OUT = "or leave the column out: 'dataset.drop=[b]'"
ROWS = "".join(f"{i},{i % 2}\n" for i in range(20))


@pytest.mark.parametrize(
    ("text", "parameters", "message"),
    [
        ("", {}, "data.csv is empty"),
        ("\n \n", {}, "data.csv is empty"),
        ("a,b\n", {}, "data.csv names its columns and has no row below them"),
        (FLOWERS.replace(",", ";"), {"delimiter": "comma"}, "the table has one column; use dataset.delimiter=semicolon"),
        (FLOWERS.replace(",", "\t"), {"delimiter": "comma"}, "the table has one column; use dataset.delimiter=tab"),
        ("a\n1\n2\n", {}, "the table has one column, two are needed"),
        (FLOWERS, {"target": "knd"}, "there is no column 'knd'; did you mean 'kind'? Columns: length, width, kind"),
        (FLOWERS, {"target": "3"}, "there is no column 3: their numbers are 0 to 2"),
        (FLOWERS, {"drop": ("widht",)}, "there is no column 'widht'; did you mean 'width'? Columns: length, width, kind"),
        (FLOWERS, {"drop": ("kind",)}, "'kind' is the target and cannot be dropped: take it out of dataset.drop"),
        (FLOWERS, {"drop": ("0", "1")}, "no column but the target 'kind' is left: there is nothing to learn from"),
        (",a,b\n5,2,3\n", {}, "column 0 has no name; does it number the rows? Leave it out: dataset.index=yes"),
        ("a,a,b\n1,2,3\n", {}, "two columns are called 'a': rename one, or leave one out: 'dataset.drop=[1]'"),
        ("a,b,y\n1,,3\n", {}, f"line 2, column 'b' is missing: {FILL}, {OUT}"),
        ("a,b,y\n1,2,3\n\n1,NA,3\n", {}, f"line 4, column 'b' is missing ('NA'): {FILL}, {OUT}"),
        ("a,b,y\n1,2,?\n", {}, "line 2, column 'y' is missing ('?'): fill it in, remove such rows with dataset.missing=drop"),
        ("a,b,y\n1,2,3\n4,Rome,6\n", {}, f"line 3, column 'b' holds 'Rome', {CODE}, {OUT}"),
        ("a,b,y\n1,inf,3\n", {}, "line 2 holds numbers that are not finite or too large: remove the row"),
        ("a,b,y\n1,2,3\n1,2\n", {}, "line 3 has 2 cells, the first line has 3"),
        ("x1,1,2\n" + "1,2,3\n" * 9, {}, "the first line may name the columns ('x1' stands above numbers, the rest of the "
         "first line is numbers): say dataset.header=yes or dataset.header=no"),
        ("x1,1,2\n" + "1,2,3\n" * 9, {"header": "no"}, "line 1, column '0' holds 'x1', not a number: code it as one, "
         "dataset.categories=one_hot does, or leave the column out: 'dataset.drop=[0]'; or do names stand in the first line? "
         "dataset.header=yes"),
        ("a,b\n" + "1,x\n" * 9, {}, "the target has one class only, 'x': there is nothing to tell apart; choose"),
        ("a,b\n" + "1,2.5\n" * 9, {}, "all targets are the same: there is nothing to learn; choose another target"),
        ("a,b\n" + "1,2\n1,3\n" * 9, {}, "every feature is the same in all rows: there is nothing to learn from"),
        (FLOWERS, {"task": "values"}, "the target holds text, such as 'a': with task=values it must hold numbers"),
        ("a,b\n1,x\n2,y\n3,x\n4,y\n", {}, "4 rows are too few: valid_fraction=0.2 and test_fraction=0.2 leave none to "
         "validate with; add rows or change the shares"),
        (FLOWERS.encode("utf-16"), {"encoding": "utf-8"}, "data.csv is not text in utf-8: see line 1"),
        ("x,y\n1,é\n".encode("latin-1"), {"encoding": "utf-8"}, "data.csv is not text in utf-8: see line 2"),
        (FLOWERS, {"encoding": "utf-88"}, "there is no encoding 'utf-88': name one, such as utf-8"),
        ("a,b\n1e300,1\n" + ROWS, {"standardise": False}, "the features hold numbers that are not finite or too large"),
        ("a,b\n" + "1" * 200_000 + ",2\n", {}, "line 2 holds numbers that are not finite or too large: remove the row"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line_with_what_to_do(table, text, parameters, message):
    with pytest.raises(ValueError) as caught:
        table(text, **parameters)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("address", ["s3://bucket/x.csv", "https://there/x.csv", "file:///x.csv"])
def test_an_address_is_no_path(address):
    with pytest.raises(OSError, match=r":// is an address: fetch the file, and give its path on this computer"):
        CSV(address).load()


def test_a_missing_file_is_said_with_the_one_that_was_meant(table, tmp_path):
    table(FLOWERS)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*dta\.csv; did you mean dataset\.path=data\.csv\?"):
        CSV("dta.csv").load()
    with pytest.raises(FileNotFoundError, match="paths start at the working directory"):
        CSV("elsewhere/other.txt").load()
    with pytest.raises(IsADirectoryError, match="is a folder: name a file in it"):
        CSV(str(tmp_path)).load()


@pytest.mark.parametrize(
    "parameter", ["task", "delimiter", "header", "decimal", "thousands", "index", "missing", "categories", "compression"]
)
def test_a_word_that_is_no_choice_is_refused(parameter):
    with pytest.raises(ValueError, match=rf"{parameter} must be .*'nonsense'"):
        CSV("data.csv", **{parameter: "nonsense"})
