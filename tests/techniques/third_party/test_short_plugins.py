"""What once took a hack is a plugin of forty lines at most: held to its contract, and to what comes with nnreg."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

import nnreg
from nnreg import testing
from tests.techniques.third_party.short import ema, label_noise, lookahead, max_norm, plateau, prelu, sam

SHORT = {
    "optimizer=sam": sam.Sharpness,
    "optimizer=lookahead": lookahead.Slow,
    "optimizer=ema": ema.Average,
    "regularizer=max_norm": max_norm.Fence,
    "activation=prelu": prelu.Leak,
    "schedule=plateau": plateau.Drop,
    "augmentation=label_noise": label_noise.Wrong,
}
MOST = 40  # lines


@pytest.mark.parametrize("made", SHORT.values(), ids=SHORT)
def test_it_is_no_longer_than_a_page_and_keeps_every_promise_of_its_kind(made):
    assert len(Path(str(inspect.getsourcefile(made))).read_text().splitlines()) <= MOST
    report = testing.run(made)
    assert report.ok, report


@pytest.mark.parametrize("word", SHORT)
def test_it_trains_as_the_one_that_comes_with_nnreg(word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kind, _, name = word.partition("=")
    same = {"steps": 12, "hidden": [8], "dtype": "float64", "tracking": "off", "validate_every": 4}
    own, known = (nnreg.run(**{kind: technique}, **same) for technique in (SHORT[word], name))
    for metric in ("train/loss", "valid/loss"):
        np.testing.assert_allclose(own.history.series(metric)[1], known.history.series(metric)[1], rtol=1e-12)
    assert own.summary["metrics"]["test/accuracy"] == known.summary["metrics"]["test/accuracy"]
