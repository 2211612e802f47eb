import gc

import pytest

from nnreg.process import uncollected


def test_nothing_is_collected_meanwhile_and_everything_after_whatever_happened():
    with pytest.raises(ImportError), uncollected():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_who_has_turned_collecting_off_finds_it_off():
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
