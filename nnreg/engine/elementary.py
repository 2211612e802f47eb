"""Exponentials, logarithms and tanh as arithmetic without branches, which a compiler makes vector instructions of.

A compiled loop that called the C library for each element would take longer than NumPy does. These are compiled with the loop
that calls them; imported, they need numba. In float32 and float64 they are within ``ULPS`` units in the last place of the exact
value; infinities, NaN, zeros and what overflows are those of NumPy.

    eˣ = 2ⁿ·eʳ,  n = round(x / ln 2),  |r| ≤ ½ ln 2;  eʳ − 1 by its series
    log x = e·ln 2 + log m,  ½√2 ≤ m < √2;  log m = f − s(f − R) by a series in s = f / (2 + f),  f = m − 1
    tanh x = q / (q + 2),  q = e²ˣ − 1

Source of the series: Sun Microsystems (1993), "fdlibm", e_log.c. https://www.netlib.org/fdlibm/
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

ULPS = 4

LOG = {  # the series of log m in s²
    32: (0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841),
    64: (
        *(6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01),
        *(1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01),
    ),
}
LN2 = {32: (6.93359375e-1, -2.12194440e-4), 64: (6.93147180369123816490e-01, 1.90821492927058770002e-10)}
"""ln 2 in two numbers, of which the first has zeros at its end."""


def _made(bits: int) -> dict[str, Callable[..., Any]]:
    """Return the functions for numbers of so many bits."""
    T: Any = np.float32 if bits == 32 else np.float64  # noqa: N806 - types have large letters
    I: Any = np.int32 if bits == 32 else np.int64  # noqa: N806, E741
    mantissa, bias = (23, 127) if bits == 32 else (52, 1023)
    fraction, offset = I(mantissa), I(bias)
    magic = T(1.5 * 2**mantissa)  # added, it rounds to a whole number, which is then in the last bits
    magic_bits = magic.view(I)
    zero, half, one, two = T(0), T(0.5), T(1), T(2)
    by_ln2, high, low = T(1 / math.log(2)), T(LN2[bits][0]), T(LN2[bits][1])
    top, bottom = (T(89), T(-104)) if bits == 32 else (T(710), T(-746))
    flat = T(-20) if bits == 32 else T(-40)  # where e^x - 1 is -1
    full = T(10) if bits == 32 else T(20)  # where tanh is 1
    infinity = T(np.inf)
    c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13 = (T(1 / math.factorial(k)) for k in range(3, 14))
    is_long = bits == 64
    lg = [T(number) for number in LOG[bits]] + [zero] * 3
    l1, l2, l3, l4, l5, l6, l7 = lg[:7]
    least, rescale, rescaled = T(np.finfo(T).tiny), T(2.0 ** (mantissa + 2)), T(mantissa + 2)
    root = T(math.sqrt(0.5)).view(I)
    jit = numba.njit(error_model="numpy")

    @jit
    def series(r: Any) -> Any:  # eʳ − 1
        tail = c7 + r * (c8 + r * (c9 + r * (c10 + r * (c11 + r * (c12 + r * c13))))) if is_long else c7 + r * c8
        return r + r * r * (half + r * (c3 + r * (c4 + r * (c5 + r * (c6 + r * tail)))))

    @jit
    def exp(x: Any) -> Any:
        near = min(max(x, bottom), top)
        shifted = near * by_ln2 + magic
        n = T(shifted).view(I) - magic_bits
        count = shifted - magic
        p = one + series(near - count * high - count * low)
        first = n >> I(1)
        made = p * I((first + offset) << fraction).view(T) * I((n - first + offset) << fraction).view(T)
        return made if x == x else x

    @jit
    def expm1(x: Any) -> Any:
        near = min(max(x, flat), top)
        shifted = near * by_ln2 + magic
        n = T(shifted).view(I) - magic_bits
        count = shifted - magic
        p = series(near - count * high - count * low)
        scale = I((n - I(1) + offset) << fraction).view(T)  # half of 2ⁿ, which may be more than there is
        made = p if n == I(0) else two * (scale * p + (scale - half))
        made = made if x <= top else infinity
        return made if x == x and x != zero else x

    @jit
    def log(x: Any) -> Any:
        is_small = x < least
        scaled = x * rescale if is_small else x
        place = T(scaled).view(I) - root
        k = place >> fraction
        m = I(T(scaled).view(I) - (k << fraction)).view(T)
        count = T(k) - (rescaled if is_small else zero)
        f = m - one
        s = f / (two + f)
        z = s * s
        rest = z * (l1 + z * (l2 + z * (l3 + z * (l4 + z * (l5 + z * (l6 + z * l7)) if is_long else l4))))
        h = half * f * f
        made = count * high - ((h - (s * (h + rest) + count * low)) - f)
        made = made if x < infinity else x
        made = made if x > zero else (-infinity if x == zero else T(np.nan))
        return made if x == x else x

    @jit
    def log1p(x: Any) -> Any:
        u = one + x
        made = log(u) + (x - (u - one)) / u
        made = made if zero < u < infinity else log(u)
        return made if u != one else x

    @jit
    def tanh(x: Any) -> Any:
        size = min(abs(x), full)
        q = expm1(two * size)
        t = q / (q + two)
        made = -t if x < zero else t
        return made if x == x and x != zero else x

    @jit
    def across(work: Any, row: Any, units: Any) -> Any:  # the sum of a row, eight columns side by side: a chain of sums is slow
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = zero
        whole = units - units % 8
        for j in range(0, whole, 8):
            s0 += work[row, j]
            s1 += work[row, j + 1]
            s2 += work[row, j + 2]
            s3 += work[row, j + 3]
            s4 += work[row, j + 4]
            s5 += work[row, j + 5]
            s6 += work[row, j + 6]
            s7 += work[row, j + 7]
        made = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
        for j in range(whole, units):
            made += work[row, j]
        return made

    return {"exp": exp, "expm1": expm1, "log": log, "log1p": log1p, "tanh": tanh, "across": across}


FUNCTIONS = {np.dtype(np.float32): _made(32), np.dtype(np.float64): _made(64)}
"""By precision and name; ``across`` is what a pass sums a row of its work memory by."""
