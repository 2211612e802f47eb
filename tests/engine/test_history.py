import math
import tracemalloc

import numpy as np

from nnreg.engine.history import TRAIN_LOSS, VALID_LOSS, History, Record


def test_every_record_comes_back_to_the_bit_by_metric_in_the_order_they_came():
    sent = [
        Record(0, TRAIN_LOSS, 0.1 + 0.2),
        Record(1, VALID_LOSS, -0.0),
        Record(2**62, TRAIN_LOSS, math.inf),
        Record(3, "x", 5e-324),
    ]
    history = History()
    for record in sent:
        history.add(record)
    assert list(history) == [sent[0], sent[2], sent[1], sent[3]]
    assert math.copysign(1, history.series(VALID_LOSS)[1][0]) == -1
    assert [type(part) for part in next(iter(history))] == [int, str, float]
    assert history.size == 4


def test_a_series_is_a_copy_and_more_records_may_follow():
    history = History()
    history.add(Record(0, TRAIN_LOSS, 1.0))
    steps, values = history.series(TRAIN_LOSS)
    steps[0], values[0] = 7, 7.0
    history.add(Record(1, TRAIN_LOSS, 2.0))
    again = history.series(TRAIN_LOSS)
    assert [part.tolist() for part in again] == [[0, 1], [1.0, 2.0]]
    assert [part.dtype for part in again] == [np.int64, np.float64]
    assert [part.dtype for part in history.series("never")] == [np.int64, np.float64]


def test_a_record_takes_16_bytes():
    count = 100_000
    tracemalloc.start()
    try:
        history = History()
        for step in range(count):
            history.add(Record(step, TRAIN_LOSS, 1.0 / (step + 1)))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 16 * count <= taken <= 1.2 * 16 * count
