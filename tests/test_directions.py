"""Which way metrics are better."""

import pytest

from nnreg.records.metrics import is_higher_better


@pytest.mark.parametrize(
    ("metric", "higher"),
    [
        ("valid/accuracy_final", True),
        ("valid/accuracy", True),
        ("test/r2", True),
        ("train/loss_final", False),
        ("valid/loss_best", False),
        ("descent/value", False),
        ("value", False),
        ("gradient_worst/W1", False),
        ("update_ratio/layer2", False),
        ("seconds", False),
        ("steps_per_second", True),
    ],
)
def test_more_is_better_of_accuracies_r2_and_speed(metric, higher):
    assert is_higher_better(metric) == higher
