"""``nnreg play --export FILE.html``: the Valley as one page that needs no server, its descents computed beforehand."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from nnreg.engine.descent import Values
from nnreg.errors import UserError
from nnreg.figures.scripts import CHARTS, bundle
from nnreg.numerals import as_typed
from nnreg.play.answers import answer, directions, lowest_of
from nnreg.play.ground import shown_ground
from nnreg.play.knobs import Knob, knobs_of, listed_techniques, shown_technique
from nnreg.play.packing import packed
from nnreg.play.question import MOST_RULES, Question, Rule, command, made_surface
from nnreg.play.stability import largest_stable_rate
from nnreg.records.files import whole_file
from nnreg.registry import entries
from nnreg.registry.nested import JOINT
from nnreg.settings import Settings

WEB = Path(__file__).parent / "web"
USUAL = ("sgd", "momentum", "adagrad", "adam")
RATES_ALONE, RATES, SECONDS = 33, 17, 9
"""Stops of a learning rate that is the only knob, of one with a second knob beside it, and of that."""
DECADES = 1000.0
FULL = 32767


@dataclass(frozen=True)
class Exported:
    """What a page shows that is exported.

    Attributes:
        surface: its name.
        rules: names of the update rules.
        steps: updates of each.
        start: where they begin; None for the surface's own point.
        seed: of noise.
    """

    surface: str = "quadratic"
    rules: tuple[str, ...] = USUAL
    steps: int = 60
    start: tuple[float, ...] | None = None
    seed: int = 0

    def question(self, rule: Rule) -> Question:
        """Return what is asked for one rule."""
        return Question(self.surface, {}, (rule,), self.steps, self.start, self.seed)


def export(file: Path, wanted: Exported) -> None:
    """Write the page.

    Raises:
        UserError: a technique cannot be used, the surface has no map, or the file cannot be written.
    """
    if not 0 < len(wanted.rules) <= MOST_RULES:
        raise UserError(f"a page holds 1 to {MOST_RULES} update rules, got {len(wanted.rules)}")
    text = page(wanted)
    try:
        with whole_file(file) as stream:
            stream.write(text.encode())
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}") from error


def page(wanted: Exported) -> str:
    """Return the page: markup, styles, one script and the data, and a policy that lets it ask nobody for anything."""
    script = bundle("export.js", (WEB, CHARTS))
    styles = "".join((folder / name).read_text(encoding="utf-8") for folder, name in ((CHARTS, "chart.css"), (WEB, "play.css")))
    data = json.dumps(exported_data(wanted), ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
    template = (WEB / "export.html").read_text(encoding="utf-8")
    parts = {"POLICY": policy, "STYLES": styles, "DATA": data, "SCRIPT": script}
    return "".join(parts.get(piece, piece) for piece in template.split("%%"))


def exported_data(wanted: Exported) -> dict[str, Any]:
    """Return all that the page's script reads."""
    question = wanted.question(Rule(wanted.rules[0], {}))
    surface = made_surface(question)
    if len(surface.start) != 2:
        raise UserError(
            f"surface={wanted.surface} has {len(surface.start)} dimensions: a page is exported of a surface with two"
        )
    around = directions(surface, [])
    return {
        "techniques": {
            "optimizer": _listed("optimizer", wanted.rules),
            "surface": _listed("surface", [wanted.surface]),
            "schedule": [],
        },
        "shown": {
            f"{kind}/{name}": shown_technique(kind, name)
            for kind, names in (("optimizer", wanted.rules), ("surface", [wanted.surface]), ("schedule", ["constant"]))
            for name in names
        },
        "ground": shown_ground({"name": wanted.surface}),
        "steps": wanted.steps,
        "start": list(wanted.start or surface.start),
        "lowest": lowest_of(surface),
        "tolerance": Settings.tolerance,
        "directions": None if around is None else {key: around[key] for key in ("at", "curvatures", "vectors")},
        "grids": {name: _grid(wanted, name) for name in wanted.rules},
    }


def _listed(kind: str, names: Sequence[str]) -> list[dict[str, str]]:
    return [each for each in listed_techniques(kind) if each["name"] in {part for name in names for part in name.split(JOINT)}]


def _grid(wanted: Exported, name: str) -> dict[str, Any]:
    """Return the descents of a rule for each stop of its knobs, and at which it is shown first."""
    knobs = _turned_knobs(name)
    stops = [stops_of(knob, count) for knob, count in knobs]
    values: list[dict[str, float]] = [{}]
    for (knob, _), of_knob in zip(knobs, stops, strict=True):
        values = [{**before, knob.key: stop} for before in values for stop in of_knob]
    cells = [_cell(wanted.question(Rule(name, each))) for each in values]
    usual = [place for place, each in enumerate(values) if all(each[knob.key] == knob.default for knob, _ in knobs[1:])]
    best = min(usual, key=lambda place: cells[place]["rank"])
    surface = made_surface(wanted.question(Rule(name, {})))
    rows = [{knobs[1][0].key: stop} for stop in stops[1]] if len(knobs) > 1 else [{}]
    return {
        "keys": [knob.key for knob, _ in knobs],
        "stops": stops,
        "best": values[best],
        "bounds": [largest_stable_rate(name, row, surface.largest_curvature) for row in rows],
        "command": command(wanted.question(Rule(name, {})), Rule(name, {})),
        "cells": [{key: value for key, value in cell.items() if key != "rank"} for cell in cells],
    }


def _turned_knobs(name: str) -> list[tuple[Knob, int]]:
    """Return the knobs of a rule that an exported page turns, each with how many stops: its rate, and the first share."""
    knobs = knobs_of("optimizer", name)
    rate = next((knob for knob in knobs if knob.label == "lr"), None)
    second = next((knob for knob in knobs if knob.scale == "one_minus"), None)
    if rate is None:
        return [] if second is None else [(second, SECONDS)]
    return [(rate, RATES_ALONE)] if second is None else [(rate, RATES), (second, SECONDS)]


def stops_of(knob: Knob, count: int) -> list[float]:
    """Return at how many values a knob stops: a rate by its logarithm, a share by that of what is left."""
    if knob.scale == "one_minus":
        spread = 1 - np.geomspace(1, 1e-3, count)
        return sorted({*(float(f"{value:.3g}") for value in spread), float(knob.default)})
    low = max(knob.low, knob.high / DECADES)
    return [float(f"{value:.3g}") for value in np.geomspace(low, knob.high, count)]


def _cell(question: Question) -> dict[str, Any]:
    """Return one descent, packed, and its rank: who arrives comes first, by the shortest way, then who ends lowest."""
    asked = {
        "surface": question.surface,
        "steps": question.steps,
        "seed": question.seed,
        "start": question.start and list(question.start),
    }
    (found,) = answer({**asked, "rules": [{"name": rule.name, "values": dict(rule.values)} for rule in question.rules]})[
        "rules"
    ]
    if "error" in found:
        return {"error": found["error"], "rank": (3, 0.0)}
    surface = made_surface(question)
    reach = 6 * max(float(abs(end)) for interval in surface.domain for end in interval)
    arrays = {
        "path": packed_array(np.clip(np.array(found["path"]), -reach, reach)),
        "gradients": packed_array(np.array(found["gradients"])),
        "velocity": None if found["velocity"] is None else packed_array(np.array(found["velocity"])),
        "heights": packed_array(np.log(np.clip(np.array(found["heights"]), 1e-300, 1e300))),
    }
    kept = {key: found[key] for key in ("velocity_name", "diverged_at", "arrived_at", "bound", "rate")}
    if found["diverged_at"] is not None:
        rank = 2, 0.0
    elif found["arrived_at"] is not None:
        rank = 0, float(np.linalg.norm(np.diff(found["path"], axis=0), axis=1).sum())
    else:
        rank = 1, found["heights"][-1]
    return {**kept, **arrays, "rank": rank}


def packed_array(values: Values) -> list[Any]:
    """Return an array as its largest size, and its numbers in shares of that, 16 bits each, as text."""
    largest = float(np.abs(values).max(initial=0.0)) or 1.0
    shares = np.round(values / largest * FULL).astype("<i2")
    return [float(f"{largest:.6g}"), packed(shares)]


def read_words(words: Sequence[str]) -> Exported:
    """Return what words of a command line ask for: ``surface=rosenbrock optimizer=adam,sgd steps=100 start=[0,1] seed=3``.

    Raises:
        UserError: a word is none of these, or names a technique that there is not.
    """
    wanted = Exported()
    for word in words:
        key, _, value = word.partition("=")
        change: Mapping[str, Any]
        try:
            if key == "surface":
                change = {"surface": value}
            elif key == "optimizer":
                change = {"rules": tuple(filter(None, value.split(",")))}
            elif key in ("steps", "seed"):
                change = {key: int(value)}
            elif key == "start":
                change = {"start": tuple(float(each) for each in value.strip("[]").split(","))}
            else:
                raise UserError(
                    f"{word}: a page is opened with surface=, optimizer=, steps=, start= and seed=, the rest is turned there"
                )
        except ValueError as error:
            raise UserError(
                f"{word}: {key} must be {'a point, such as start=[-7,2]' if key == 'start' else 'a whole number'}"
            ) from error
        wanted = replace(wanted, **change)
    for kind, names in (("surface", (wanted.surface,)), ("optimizer", wanted.rules)):
        for part in (part for name in names for part in name.split(JOINT)):
            entries.find_technique(kind, part)
    Question.read(
        {
            "surface": wanted.surface,
            "rules": list(wanted.rules),
            "steps": wanted.steps,
            "seed": wanted.seed,
            "start": None if wanted.start is None else list(wanted.start),
        }
    )
    return wanted


def fragment_of(wanted: Exported) -> str:
    """Return the state, behind the # of the page's address, that shows what is wanted at rates that suit."""
    words = {
        "tab": "valley",
        "surface": wanted.surface,
        "rules": ",".join(wanted.rules),
        "steps": str(wanted.steps),
        "tune": "1",
    }
    words |= {"seed": str(wanted.seed)} if wanted.seed else {}
    words |= {"start": ",".join(as_typed(each) for each in wanted.start)} if wanted.start is not None else {}
    return urlencode(words)
