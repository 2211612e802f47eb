"""A plugin whose annotations no configuration can check: it works, as typed as can be."""

import pytest

from nnreg.records.folder import read_history

pytestmark = pytest.mark.slow
ODD = ("nnreg-odd",)


@pytest.mark.long
def test_it_trains_again_and_again_with_what_was_typed(command, quick, project):
    words = ("optimizer.order=1", "optimizer.weights=[0.5]", "optimizer.either=3", "optimizer.hook=abc", "optimizer.implicit=4")
    answer = command("optimizer=odd", *words, *quick, plugins=ODD)
    assert (answer.code, answer.err) == (0, "")
    assert "odd (lr=0.01 weights=[0.5] hook=abc order=1 either=3 implicit=4.0)" in answer.out
    (first,) = (project / "runs").iterdir()
    answer = command("rerun", str(first), plugins=ODD)
    assert answer.code == 0, answer.err
    one, other = (list(read_history(folder)) for folder in (project / "runs").iterdir())
    assert one == other


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("optimizer.lr=fast", "optimizer.lr=fast: it takes a number, such as optimizer.lr=0.1"),
        ("optimizer.order=3", "optimizer.order=3: Invalid value '3', expected one of [1, 2]"),
        (
            "optimizer.transform=halved",
            "optimizer=odd has no parameter 'transform'. "
            "Available: lr, weights, hook, unresolved, order, either, mapping, implicit",
        ),
    ],
)
def test_one_annotation_that_cannot_be_checked_leaves_the_others_checked(nnreg, quick, typed, complaint):
    answer = nnreg("optimizer=odd", typed, *quick, plugins=ODD)
    assert (answer.code, answer.complaint) == (2, f"nnreg: {complaint}")


def test_the_catalogue_says_what_can_be_set_in_code_only(nnreg):
    answer = nnreg("plugins", "optimizer/odd", plugins=ODD)
    assert answer.code == 0
    lines = {line.split()[0]: line for line in answer.out.splitlines() if line.startswith("optimizer.")}
    assert {name for name, line in lines.items() if "(set in code only)" in line} == {"optimizer.transform", "optimizer.table"}
    assert "Sequence[float]" in lines["optimizer.weights"]
    assert " 1 | 2 " in lines["optimizer.order"]
