import math

from hypothesis import given
from hypothesis import strategies as st

from nnreg.engine.history import TEST_ACCURACY, TRAIN_LOSS, VALID_ACCURACY, VALID_LOSS, History, Record
from nnreg.records.card import summarise

records = st.lists(
    st.builds(Record, st.integers(0, 10**6), st.sampled_from([TRAIN_LOSS, VALID_LOSS]), st.floats(allow_nan=False))
)


def filled(*given_records):
    history = History()
    for record in given_records:
        history.add(Record(*record))
    return history


@given(records)
def test_a_history_gives_back_every_record_in_the_order_of_its_metric(given_records):
    history = filled(*given_records)
    for metric in (TRAIN_LOSS, VALID_LOSS):
        steps, values = history.series(metric)
        assert [(step, value) for step, name, value in given_records if name == metric] == list(zip(steps, values, strict=True))
    assert sorted(history) == sorted(given_records)


def test_a_metric_never_recorded_is_empty():
    steps, values = History().series(TRAIN_LOSS)
    assert steps.size == values.size == 0


def test_the_final_training_loss_is_the_mean_of_the_last_hundred_steps():
    history = filled(*((step, TRAIN_LOSS, float(step)) for step in range(300)))
    assert summarise(history) == {"train/loss_final": 249.5, "train/loss_best": 0.0}


def test_best_means_lowest_loss_and_highest_accuracy():
    history = filled(
        (1, VALID_LOSS, 0.5), (2, VALID_LOSS, 0.2), (3, VALID_LOSS, 0.3), (1, VALID_ACCURACY, 0.9), (2, VALID_ACCURACY, 0.8)
    )
    assert summarise(history) == {
        "valid/loss_final": 0.3,
        "valid/loss_best": 0.2,
        "valid/accuracy_final": 0.8,
        "valid/accuracy_best": 0.9,
    }


def test_values_that_are_not_finite_stay_out_of_the_summary():
    history = filled((0, TRAIN_LOSS, 2.0), (1, TRAIN_LOSS, math.nan), (1, VALID_LOSS, math.inf), (2, TEST_ACCURACY, 0.9))
    assert summarise(history) == {"train/loss_final": 2.0, "train/loss_best": 2.0, TEST_ACCURACY: 0.9}
