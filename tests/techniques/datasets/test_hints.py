"""Hints are typed as they stand: through a shell and Hydra's grammar, any name comes back."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from nnreg.registry.overrides import keep_text
from nnreg_std.datasets._hints import typed
from nnreg_std.datasets.csv import CSV

names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8).filter(
    lambda name: "$" not in name
)
odd = st.sampled_from(
    ["höhe", "a b", "1.10", "2019", "01", "true", "it's", 'a "b"', "a\\", 'a\\"', "x (cm)", "a,b", "[a]", "a=b", "#", "-1", "%"]
)


@given(name=names | odd)
def test_any_name_comes_back(name):
    (word,) = shlex.split(typed("dataset.drop", [name, "other"]))
    (override,) = OverridesParser.create().parse_overrides(keep_text(["dataset=csv", word])[1:])
    assert list(map(str, override.value())) == [name, "other"]
    (word,) = shlex.split(typed("dataset.path", name))
    (override,) = OverridesParser.create().parse_overrides(keep_text(["dataset=csv", word])[1:])
    assert str(override.value()) == name


def test_plain_names_stay_plain():
    assert typed("dataset.drop", ["width", "2"]) == "'dataset.drop=[width,2]'"
    assert typed("dataset.drop", ["höhe"]) == "'dataset.drop=[\"höhe\"]'"
    assert typed("dataset.path", "data/mine.csv") == "dataset.path=data/mine.csv"


def test_a_file_of_another_name_is_hinted_at_as_it_is_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "höhe (1).csv").write_text("")
    with pytest.raises(FileNotFoundError) as caught:
        CSV("höhe(1).csv").load()
    assert str(caught.value).endswith("did you mean 'dataset.path=\"höhe (1).csv\"'?")
