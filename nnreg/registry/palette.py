"""One colour for one technique, everywhere: figures, tables, pages and MLflow; lightness is left for its learning rate.

The first dozen was chosen by computation, so that the two most alike are as far apart as could be found, for readers who lack
one kind of cone too: by CIEDE2000 at least 12 apart, after Machado, Oliveira & Fernandes (2009), and 19 for all others.
The rest was added one by one, each as far from those before it as there was room, which is 5 for the last: shapes are the
second channel. All have a contrast of 3:1 to white paper. ``on_dark`` has as many of the same hues for dark pages, 14 apart.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence

from nnreg.registry import entries
from nnreg.registry.nested import split_name

COLOURS = (
    "#0051f6", "#701439", "#00a4a1", "#686101", "#550098", "#ff519f", "#c28a00", "#9586f3", "#174200", "#984b91",
    "#02814e", "#dc2243", "#005964", "#859b6f", "#373764", "#597ac8", "#900021", "#902cc8", "#7a4343", "#0000ff",
    "#b16464", "#b17a90", "#a6904e", "#856437", "#9b85bc", "#d3437a", "#6f3785", "#647a00", "#a659ff", "#a62c6f",
    "#64374e", "#374321", "#2c6f9b", "#c843bc", "#906f85", "#002cbc",
)  # fmt: skip
_ON_DARK = (
    "#0f9cff", "#d10263", "#89ffed", "#c0ff04", "#544dfe", "#f6acb7", "#fde5ad", "#c4c8ff", "#6d6e00", "#9976a1",
    "#03786a", "#fa7e48",
)  # fmt: skip
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "p", "<", ">", "h", "*")  # as matplotlib names its markers
WELL_KNOWN: Mapping[str, Sequence[str]] = {
    "optimizer": ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw", "nadam", "radam", "adamax",
                  "lion"),
    "init": ("he", "glorot", "lecun", "normal", "orthogonal", "uniform", "zeros", "constant"),
    "activation": ("relu", "sigmoid", "tanh", "gelu", "silu", "leaky_relu", "elu", "selu", "softplus", "mish"),
    "norm": ("batch_norm", "layer_norm", "group_norm", "rms_norm"),
    "dropout": ("dropout", "alpha_dropout"),
    "regularizer": ("l2", "l1", "decoupled", "elastic", "max_norm"),
    "schedule": ("cosine", "step", "exponential", "one_cycle", "polynomial", "inverse_sqrt"),
    "loss": ("softmax_cross_entropy", "mse"),
    "network": ("mlp", "convolutional", "residual"),
}  # fmt: skip
"""What everybody knows has the first colours, for good: whatever is added later stands behind it."""

UNKNOWN = "#777777"
PLAIN = ("none", "constant")
"""What changes nothing is grey; a constant init is one like others."""
DARK_GROUND = "#1b1f24"
"""As light as the ground of a dark page may be for ``on_dark``."""
CONTRAST = 3.0
"""Of a colour to its ground, at least (WCAG 2, 1.4.11)."""
_DARKEST, _LIGHTEST = 16.0, 61.0  # lightness of a shade, in [0, 100]: lighter ones are lost on white
_STEP, _REACH = 11.0, 40.0  # between two shades; from the darkest to the lightest
_LIFT = 30.0  # of lightness, on a dark ground


def colour(kind: str, name: str) -> str:
    """Return the ``#rrggbb`` of a technique, whatever stands inside of it; two names of one technique share it."""
    place = _place(kind, name)
    return UNKNOWN if place is None or (name in PLAIN and kind != "init") else COLOURS[place % len(COLOURS)]


def shape(kind: str, name: str) -> str:
    """Return the marker of a technique, which tells it from others where colours do not."""
    return SHAPES[(_place(kind, name) or 0) % len(SHAPES)]


def of_run(choices: Mapping[str, str], swept: Sequence[str] = (), usual: str = "optimizer") -> str:
    """Return the colour of a run: that of its technique of the first kind that is swept, or of the usual one.

    Its lightness tells the learning rate, where that is swept; else what is swept besides, if anything is.

    Args:
        choices: techniques by slot.
        swept: overrides that tell the run from the others of its sweep, in the order of the sweep.
        usual: the kind where no technique is swept.
    """
    given = dict(override.partition("=")[::2] for override in swept)
    slot = next((key for key in given if key in entries.slots()), usual)
    chosen = colour(entries.slots().get(slot, slot), str(choices.get(slot, "none")))
    rest = {key: value for key, value in given.items() if key != slot}
    rate = next((found for key, value in rest.items() if key.rpartition(".")[2] == "lr" and (found := _number(value)) > 0), 0.0)
    if rate:
        return _toned(chosen, 6.0 * min(max(math.log10(rate) + 2.0, -3.0), 3.0))
    return _toned(chosen, 36 * zlib.crc32(repr(sorted(rest.items())).encode()) / 2**32 - 18) if rest else chosen


def shades(colour: str, count: int) -> list[str]:
    """Return shades of a colour, from dark to light; the colour itself where one is enough."""
    if count == 1:
        return [colour]
    reach = min(_REACH, _STEP * (count - 1))
    low = min(max(_lab(colour)[0] - reach / 2, _DARKEST), _LIGHTEST - reach)
    return [_at(colour, low + reach * place / (count - 1)) for place in range(count)]


def on_dark(colour: str) -> str:
    """Return what stands for a colour on a dark page: the first dozen was chosen for it likewise, others are made lighter."""
    if colour in COLOURS[: len(_ON_DARK)]:
        return _ON_DARK[COLOURS.index(colour)]
    lightness = _lab(colour)[0]
    while True:
        found = _at(colour, lightness + _LIFT)
        if contrast(found, DARK_GROUND) >= CONTRAST:
            return found
        lightness += 1.0


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21, after WCAG 2."""
    low, high = sorted(sum(map(_product, (0.2126, 0.7152, 0.0722), _linear(each))) for each in (one, other))
    return (high + 0.05) / (low + 0.05)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _toned(colour: str, lift: float) -> str:
    """Return a colour lighter or darker, by at most half the reach of shades."""
    middle = min(max(_lab(colour)[0], _DARKEST + _REACH / 2), _LIGHTEST - _REACH / 2)
    return _at(colour, middle + lift)


_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_FROM_XYZ = ((3.2404542, -1.5371385, -0.4985314), (-0.9692660, 1.8760108, 0.0415560), (0.0556434, -0.2040259, 1.0572252))
_WHITE = (0.95047, 1.0, 1.08883)
_KINK = 6 / 29


def _product(one: float, other: float) -> float:
    return one * other


def _linear(colour: str) -> list[float]:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def _lab(colour: str) -> tuple[float, float, float]:
    """Return a colour in CIELAB: lightness, red over green, yellow over blue."""
    linear = _linear(colour)
    xyz = (sum(map(_product, row, linear)) / white for row, white in zip(_TO_XYZ, _WHITE, strict=True))
    x, y, z = (part ** (1 / 3) if part > _KINK**3 else part / (3 * _KINK**2) + 4 / 29 for part in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _uncurved(part: float) -> float:
    return part**3 if part > _KINK else 3 * _KINK**2 * (part - 4 / 29)


def _at(colour: str, lightness: float) -> str:
    """Return a colour at another lightness: its hue, as vivid as a screen can show it and no more than it was."""
    _, a, b = _lab(colour)
    for vivid in range(100, -1, -2):
        y = (lightness + 16) / 116
        parts = (y + a * vivid / 50000, y, y - b * vivid / 20000)
        xyz = [white * _uncurved(part) for part, white in zip(parts, _WHITE, strict=True)]
        linear = [sum(map(_product, row, xyz)) for row in _FROM_XYZ]
        if all(-1e-4 <= part <= 1.0001 for part in linear):
            break
    screen = (
        12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055 for part in (max(0.0, p) for p in linear)
    )
    return "#" + "".join(f"{round(255 * min(part, 1.0)):02x}" for part in screen)


def _place(kind: str, name: str) -> int | None:
    """Return a technique's place in its kind: that of a well-known one is kept for it; then built-in ones, then plugins."""
    known, first = entries.techniques(kind), WELL_KNOWN.get(kind, ())
    name = split_name(name.partition(" [")[0])[0]  # a comparison tells one's code apart so
    if name in first:
        return first.index(name)
    if name not in known:
        return None
    places = {known[other].target: place for place, other in enumerate(first) if other in known}
    behind = sorted(known, key=lambda other: (known[other].distribution != "nnreg", other))
    others = list(dict.fromkeys(known[other].target for other in behind if known[other].target not in places))
    target = known[name].target
    return places[target] if target in places else len(first) + others.index(target)
