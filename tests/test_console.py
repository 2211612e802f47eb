"""What is printed: a line is a line, and gives no orders to a terminal."""

import pytest
from rich.console import Console

from nnreg.console import harmless, print_folded, say


@pytest.mark.parametrize("order", ["\x1b[31m", "\r", "\x07", "\x9b31m", "\u202e"])
def test_a_name_from_a_strangers_file_gives_no_orders_to_a_terminal(capsys, order):
    say(f"target 'kind{order}': 2 classes")
    print_folded(Console(highlight=False), "dataset", f"target 'kind{order}'")
    assert order[0] not in capsys.readouterr().out


def test_what_people_write_stays_as_it_is():
    text = "höhe 1\u00a0234 η ± 日本 👩‍🔬\n\tnext"
    assert harmless(text) == text
