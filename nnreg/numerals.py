"""How a number is written by everybody who shows one: tables, sentences, figures and pages. Files keep every digit.

From 0.0001 to below a million a number has its digits, and commas; beyond that a power of ten: ``0.0123``, ``1,220``,
``1.22e6``, ``2.3e-6``. A minus is a minus sign. ``figures/web/numerals.js`` writes them likewise in a browser.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from itertools import pairwise

LEAST, MOST = Decimal("1e-4"), Decimal("1e6")
"""Where powers of ten begin: below the first, from the second on."""
MINUS, NOTHING, INFINITE = "−", "–", "∞"
SETTING = 4  # digits of what somebody chose
FINEST = 6  # decimals beside an interval, at most
_EXACT = Context(prec=1400)  # digits of any float64


def measured(value: float, digits: int = 3) -> str:
    """Return what was measured, in so many digits that count, zeros among them, or whole: ``0.300``, ``1,234``."""
    return _written(value, digits, keep=True)


def chosen(value: float, digits: int = SETTING) -> str:
    """Return what was chosen, such as a setting: no zeros at its end: ``0.3``, ``1,000``, ``1e-5``."""
    return _written(value, digits, keep=False)


def as_typed(value: float, digits: int = 6) -> str:
    """Return a number as it is typed on a command line: ``0.001``, ``1000``, ``1e-5``."""
    head, _, power = f"{value:.{digits}g}".partition("e")
    return f"{head}e{int(power)}" if power else head


def whole(value: float) -> str:
    """Return a count: ``1,000``."""
    return _unusual(value) or _signed(value, _at(value, 0))


def fixed(value: float, decimals: int, *, plus: bool = False) -> str:
    """Return a number with so many decimals: ``8.3``; ``+1.2`` where its sign counts."""
    return _unusual(value) or f"{'+' if plus and value >= 0 else ''}{_signed(value, _at(value, decimals))}"


def percent(value: float, decimals: int = 1) -> str:
    """Return a share in percent: ``95.3 %``."""
    return _unusual(value) or f"{_signed(value, _at(100 * value, decimals))} %"


def beside(value: float, half: float, digits: int = 1) -> tuple[str, str]:
    """Return a mean and half its interval, with the digits that this carries: its first one, of 1 and 2 the one after it too.

    Args:
        value: finite.
        half: finite and positive.
        digits: more of them, where ``half`` is no error but a spread.
    """
    last = _exponent(half) - max(digits - 1, 1 if half < 3 * 10.0 ** _exponent(half) else 0)
    larger = max(abs(value), half)
    if LEAST <= larger < MOST and -last <= FINEST:
        return _signed(value, _at(value, -last)), _at(half, -last)
    counts = (max(1, min(_exponent(each) - last + 1, FINEST)) if each else 1 for each in (value, half))
    number, width = (measured(each, count) for each, count in zip((value, half), counts, strict=True))
    return number, width


def ticks(values: Sequence[float]) -> list[str]:
    """Return the ticks of a linear axis, alike in decimals: ``0.0 0.5 1.0``; powers of ten where one needs them."""
    apart = [abs(b - a) for a, b in pairwise(values) if b != a]
    most, step = max(map(abs, values), default=0.0), min(apart, default=0.0)
    if 0 < most < LEAST or most >= MOST:
        digits = 1 + _exponent(most) - _exponent(step) + 1 if step else SETTING
        return [_power(value, digits, keep=False) if value else "0" for value in values]
    places = next((n for n in range(FINEST + 1) if _is_whole(step * 10.0**n)), FINEST) if step else None
    return [chosen(value) if places is None else _signed(value, _at(value, places)) for value in values]


def _is_whole(value: float) -> bool:
    return value > 0.5 and math.isclose(value, round(value), rel_tol=1e-6)


def _written(value: float, digits: int, *, keep: bool) -> str:
    if words := _unusual(value) or ("" if value else "0"):
        return words
    if LEAST <= _to(value, digits) < MOST:
        return _signed(value, _ended(_at(value, max(0, digits - 1 - _to(value, digits).adjusted())), keep=keep))
    return _power(value, digits, keep=keep)


def _power(value: float, digits: int, *, keep: bool) -> str:
    exponent = _to(value, digits).adjusted()
    return f"{_signed(value, _ended(_at(Decimal(value).scaleb(-exponent, _EXACT), digits - 1), keep=keep))}e{exponent}"


def _to(value: float, digits: int) -> Decimal:
    """Return a number without its sign, rounded to some digits."""
    return _quantized(value, digits - 1 - _exponent(value))


def _quantized(value: float | Decimal, decimals: int) -> Decimal:
    exact = value if isinstance(value, Decimal) else Decimal(float(value))
    return exact.copy_abs().quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _EXACT)


def _at(value: float | Decimal, decimals: int) -> str:
    """Return a number without its sign, rounded at a decimal, which may stand before the point."""
    return f"{_quantized(value, decimals):,f}"


def _ended(text: str, *, keep: bool) -> str:
    return text if keep or "." not in text else text.rstrip("0").rstrip(".")


def _exponent(value: float) -> int:
    return Decimal(float(value)).adjusted()


def _signed(value: float, text: str) -> str:
    return f"{MINUS}{text}" if value < 0 and text.strip("0.,") else text


def _unusual(value: float) -> str:
    if math.isnan(value):
        return NOTHING
    return _signed(value, INFINITE) if math.isinf(value) else ""
