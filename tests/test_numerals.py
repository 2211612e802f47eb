"""One way to write a number: what is written reads back as the number, and a browser writes the same."""

import ast
import json
import math
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg import numerals
from nnreg.numerals import beside, chosen, fixed, measured, percent, ticks, whole

SHAPE = re.compile(r"−?(\d|[1-9]\d|[1-9]\d\d|[1-9]\d{0,2}(,\d{3})+)(\.\d+)?|−?[1-9](\.\d+)?e-?[1-9]\d*")
NUMBERS = st.floats(-1e300, 1e300)
ORDINARY = st.floats(-1e9, 1e9).filter(lambda value: abs(value) > 1e-12)
DIGITS = st.integers(1, 6)


def read(text):
    return float(text.replace("−", "-").replace(",", ""))


@given(NUMBERS, DIGITS)
def test_every_number_has_the_one_shape_and_reads_back(value, digits):
    for text in (measured(value, digits), chosen(value, digits)):
        assert SHAPE.fullmatch(text), text
        assert read(text) == pytest.approx(value, rel=0.5001 * 10.0 ** (1 - digits), abs=5e-324)


@given(ORDINARY, DIGITS)
def test_what_was_chosen_is_what_was_measured_without_zeros_at_its_end(value, digits):
    short, long = chosen(value, digits), measured(value, digits)
    assert read(short) == read(long)
    assert not re.search(r"\.\d*0($|e)", short)
    assert len(re.sub(r"e.*", "", long).replace(",", "").lstrip("−0.").replace(".", "")) >= digits


@given(ORDINARY, st.floats(1e-12, 1e9))
def test_a_mean_has_no_digit_that_its_interval_does_not_carry(value, half):
    number, width = beside(value, half)
    assert SHAPE.fullmatch(number)
    assert SHAPE.fullmatch(width)
    assert read(width) == pytest.approx(half, rel=0.2)
    if read(number) and max(abs(value), half) < 1e6 and half > 1e-6:
        assert abs(read(number) - value) <= 0.51 * half
        last = re.sub(r"e.*", "", number).partition(".")[2]
        assert len(last) <= max(0, 1 - math.floor(math.log10(half))) or "e" in number


@given(st.integers(-12, 12), st.integers(-40, 40), st.sampled_from([1.0, 2.0, 2.5, 5.0]), st.integers(2, 9))
def test_the_ticks_of_an_axis_are_told_apart_and_are_alike_in_decimals(power, first, unit, count):
    step = unit * 10.0**power
    values = [step * (first + place) for place in range(count)]
    words = ticks(values)
    assert len(set(words)) == count
    assert all(SHAPE.fullmatch(word) for word in words)
    assert [read(word) for word in words] == pytest.approx(values, abs=1e-4 * step)
    if not any("e" in word for word in words):
        assert len({len(word.partition(".")[2]) for word in words}) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (measured(0.3), "0.300"), (measured(1220.4), "1,220"), (measured(1.22e6), "1.22e6"), (measured(2.3e-6, 2), "2.3e-6"),
        (measured(999_999.6), "1.00e6"), (measured(9.996), "10.0"), (measured(-0.0), "0"), (measured(math.nan), "–"),
        (measured(-math.inf), "−∞"), (chosen(1e-3), "0.001"), (chosen(1e-5), "1e-5"), (chosen(1000), "1,000"),
        (chosen(10.0), "10"), (chosen(1e6), "1e6"), (whole(999.6), "1,000"), (whole(-0.2), "0"), (percent(0.9534), "95.3 %"),
        (percent(1.0), "100.0 %"), (" ± ".join(beside(12345.6, 4321.0)), "12,000 ± 4,000"),
        (" ± ".join(beside(8.4e-5, 2e-6)), "8.40e-5 ± 2.0e-6"), (" ± ".join(beside(-0.01, 0.4)), "0.0 ± 0.4"),
        (" ".join(ticks([0.0, 0.1, 0.2, 0.1 + 0.2])), "0.0 0.1 0.2 0.3"), (" ".join(ticks([0, 500, 1000])), "0 500 1,000"),
        (fixed(8.26, 1), "8.3"), (fixed(1.25, 1, plus=True), "+1.3"), (fixed(-0.04, 1, plus=True), "0.0"),
        (fixed(-1.26, 1), "−1.3"),
        (" ".join(ticks([0, 5e5, 1e6])), "0 5e5 1e6"), (" ".join(ticks([])), ""), (" ".join(ticks([7.5])), "7.5"),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(text, words):
    assert text == words


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_browser_writes_the_same():
    """Every function of the module for pages, on numbers of all sizes, some of them ties."""
    values = [sign * float(f"{head}e{power}") for sign in (1, -1) for power in range(-9, 9) for head in (
        "1", "2.5", "9.9951", "9.9996", "1.2345678", "4.96875", "3.0000001")]  # fmt: skip
    values += [0.0, -0.0, 5e-324, 1.7e308, 1e22, 1e23, 0.125, 0.375, 12500.0, 999_999.5, 1 / 3]
    halves = [1e-8, 3.14e-5, 0.0012, 0.034, 0.3, 2.9999, 32.1, 4321.0, 2.5e6]
    axes = [[step * place for place in range(5)] for step in (1e-7, 2e-5, 0.1, 0.25, 1.0, 250.0, 2e5, 5e6)]
    calls = [(name, [value]) for name in ("measured", "chosen", "whole", "percent") for value in values if abs(value) < 1e20]
    calls += [(name, [value, digits]) for name in ("measured", "chosen") for value in values for digits in (1, 2, 5)]
    calls += [("beside", [value, half]) for value in values for half in halves if abs(value) < 1e20]
    calls += [("ticks", [axis]) for axis in axes]
    script = resources.files("nnreg.figures").joinpath("web", "numerals.js").as_posix()
    code = (
        f"import * as numerals from {json.dumps('file://' + script)};"
        "const calls = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(calls.map(([name, args]) => numerals[name](...args))));"
    ).replace("require('fs')", "fs")
    done = subprocess.run(
        ["node", "--input-type=module", "-e", "import fs from 'fs';" + code],
        input=json.dumps(calls), capture_output=True, text=True, check=True,
    )  # fmt: skip
    for (name, arguments), got in zip(calls, json.loads(done.stdout), strict=True):
        wanted = getattr(numerals, name)(*arguments)
        assert got == (list(wanted) if isinstance(wanted, tuple) else wanted), (name, arguments)


OF_MACHINES = {
    "numerals.py": "the formatter itself",
    "comparison/report/search.py": "places in a drawing",
    "figures/animation.py": "an argument of ffmpeg",
    "contracts/data.py": "contracts stand on NumPy alone",
}
"""Modules that write numbers by themselves, and why."""


def formatted(code):
    """Yield the line of each number that an f-string writes by itself, those aside that become numbers again."""
    again = {
        id(part)
        for call in ast.walk(code)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "float"
        for argument in call.args
        for part in ast.walk(argument)
    }
    for node in ast.walk(code):
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None and id(node) not in again:
            words = "".join(str(part.value) for part in node.format_spec.values if isinstance(part, ast.Constant))
            if re.fullmatch(r"[^%]*[efgEFGn%]", words):
                yield node.lineno


def test_every_number_goes_through_the_one_formatter():
    home = Path(numerals.__file__).parent
    found = {
        path.relative_to(home).as_posix(): list(formatted(ast.parse(path.read_text(encoding="utf-8"))))
        for path in home.rglob("*.py")
    }
    assert {name: lines for name, lines in found.items() if lines and name not in OF_MACHINES} == {}
    assert all(found[name] for name in OF_MACHINES), "what is excused is still there"


def test_a_page_writes_its_numbers_by_the_same_one():
    """What JavaScript rounds by itself is a place in a drawing, or a number again."""
    home = Path(numerals.__file__).parent
    for path in home.rglob("*.js"):
        if path.name == "numerals.js":
            continue
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\.to(LocaleString|Exponential)\(", text), path
        for line in text.splitlines():
            rest = re.sub(r"toFixed\(1\)", "", line)  # a tenth of a pixel
            assert not re.search(r"toFixed|toPrecision", rest) or "Number(" in rest, (path, line)
