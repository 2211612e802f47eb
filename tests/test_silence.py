"""What overflows inside is silent; outside, NumPy warns as it was told to."""

import numpy as np
import pytest

from nnreg.engine.numerics import silent_context, silently


def overflow(x=1e300):
    return np.array(x) * np.array(1e300)


def test_what_a_silent_context_runs_does_not_warn_however_often():
    run = silent_context().run
    assert [run(overflow), run(overflow, 2e300)] == [np.inf, np.inf]


def test_outside_of_it_numpy_warns_as_ever_also_after_an_error_inside():
    def wrong():
        raise LookupError("mine")

    context = silent_context()
    with pytest.raises(LookupError, match="mine"):
        context.run(wrong)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        overflow()
    assert context.run(overflow) == np.inf


def test_a_decorated_function_does_not_warn():
    assert silently(overflow)() == np.inf
