"""The report: one HTML file that holds everything, is read without a network, and says the answer first."""

from __future__ import annotations

import base64
import contextlib
import functools
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnreg.comparison.contenders import at_best_rates
from nnreg.comparison.naming import duration
from nnreg.comparison.report import charts, panels, search, views
from nnreg.comparison.report.captions import RANKS, ahead_question, fastest, goes_with, ground_word, is_split
from nnreg.comparison.report.forest import unknowns
from nnreg.comparison.report.glossary import Glossary
from nnreg.comparison.report.inks import ink, ink_styles
from nnreg.comparison.tables import main_pair, pairs
from nnreg.engine.history import TRAIN_LOSS
from nnreg.figures.curves import window_for
from nnreg.figures.scripts import CHARTS, bundle
from nnreg.figures.spec import FEW_SEEDS
from nnreg.records.card import ENDINGS
from nnreg.records.manifest import read_manifest
from nnreg.records.metrics import TRAIN_FINAL, is_loss

if TYPE_CHECKING:
    import jinja2

    from nnreg.comparison.findings import Findings


IMAGES = {"paths": "Which way do they take?", "ranks": RANKS}
"""Pictures that the page has no chart of its own for."""
TEMPLATES = Path(__file__).parent
WEB = TEMPLATES / "web"
STYLES = (CHARTS / "chart.css", WEB / "report.css")
LOST = (
    "Diverged runs, and those that failed to train, are results: they count against their arm. Failed, killed and unreadable "
    "ones say nothing about it. None is dropped in silence."
)
MOST_LOST = 200
MOST_PAIRS = 4  # that are named of those that cannot be told apart


def html(comparison: Findings, pictures: Mapping[str, Path]) -> str:
    """Return the report.

    Args:
        comparison: what it tells.
        pictures: the figures as PNG files, by name; shown where there is no interactive chart, or no script.
    """
    return _render("report.html", _context(comparison, pictures))


def html_fragment(comparison: Findings) -> str:
    """Return answer and table alone, for a notebook."""
    return _render("fragment.html", {"answers": comparison.answers, "fairness": comparison.fairness,
                                     "standings": panels.standings(comparison)})  # fmt: skip


def _render(name: str, context: Mapping[str, Any]) -> str:
    words = Glossary()
    environment = _environment().overlay()
    environment.filters = {**environment.filters, "explain": words.explained, "ink": ink}
    return environment.get_template(name).render(context, glossary=words)


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2  # not at start-up

    return jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def _context(comparison: Findings, pictures: Mapping[str, Path]) -> dict[str, Any]:
    made = charts.charts(comparison)
    sources = {name: {"source": _source(path), "alt": _alt(comparison, name)} for name, path in pictures.items()}
    lost = _lost(comparison)
    searched = search.search_panel(comparison)
    return {
        "title": f"{comparison.answers[0].partition(';')[0].rstrip('.')} - nnreg comparison",
        "style": "".join(sheet.read_text(encoding="utf-8") for sheet in STYLES) + ink_styles(_colours(comparison, made)),
        "script": bundle("report.js", (WEB, CHARTS)),
        "where": ", ".join(folder.resolve().name for folder in comparison.gathered.folders[:4]),
        "answers": _sided(comparison),
        "unknowns": unknowns(comparison),
        "most_pairs": MOST_PAIRS,
        "fairness": comparison.fairness_sentences,
        "facts": _facts(comparison),
        "search": searched,
        "trials": comparison.trials,
        "forests": panels.forest_panels(comparison),
        "forests_question": ahead_question(comparison),
        "curves": _curves(comparison, sources) if "curves" in made else None,
        "standings": panels.informative(panels.standings(comparison)),
        "heat": panels.heat(views.heat_views(comparison)) if searched is None else [],
        "heat_question": _goes_with(comparison),
        "charts": [chart for chart in _charts(comparison, sources) if chart["name"] in made],
        "images": [_image(name, sources) for name in IMAGES if name in sources],
        "lost": lost[:MOST_LOST],
        "lost_about": LOST,
        "more_lost": max(0, len(lost) - MOST_LOST),
        "commands": commands(comparison),
        "data": {"charts": {name: _inked(chart) for name, chart in made.items()}},
    }


def _colours(comparison: Findings, made: Mapping[str, Any]) -> set[str]:
    """Return every colour of an arm, or of a technique, on the page."""
    return {stroke.colour for stroke in views.strokes(comparison)} | {
        str(series["colour"]) for chart in made.values() for series in chart["series"]
    }


def _inked(chart: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chart with its colours by name, as they are others on dark paper."""
    series = [each | {"colour": ink(each["colour"]), "ink": ink(each["colour"], of_text=True)} for each in chart["series"]]
    return {**chart, "series": series}


def _source(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _sided(comparison: Findings) -> list[tuple[str, str]]:
    """Return of which side of a network each line of the answer speaks, and what it says; "" where it is the only line."""
    if comparison.gathered.companion is None:
        return [("", line) for line in comparison.answers]
    parts = [line.partition(": ") for line in comparison.answers]
    return [(side, f"{said[:1].upper()}{said[1:]}") for side, _, said in parts]


def _alt(comparison: Findings, name: str) -> str:
    return f"Figure: {name}. {comparison.answer.replace(chr(10), ' ')}"


def _facts(comparison: Findings) -> list[tuple[str, str]]:
    gathered = comparison.gathered
    runs = [run for arm in gathered.arms for run in arm.runs]
    seconds = sum(float(run.summary["seconds"]) for run in runs)
    wall = [manifest.seconds for folder in gathered.folders if (manifest := read_manifest(folder)) is not None]
    lost = [status for status in ENDINGS if status != "finished"]
    counts = {status: sum(run.summary["status"] == status for run in runs) for status in lost}
    facts = [(_plural("run", len(runs)), str(len(runs))), (_plural("arm", len(gathered.arms)), str(len(gathered.arms)))]
    facts.append((_plural("seed", len(gathered.seeds)), str(len(gathered.seeds))))
    facts += [(status.replace("_", " "), str(count)) for status, count in counts.items() if count]
    facts += [("left out", str(len(gathered.left_out)))] if len(gathered.left_out) else []
    facts.append(("of training", duration(seconds)))
    known = [second for second in wall if second is not None]
    return [*facts, ("of wall time", duration(sum(known)))] if known else facts


def _goes_with(comparison: Findings) -> str:
    pair = main_pair(comparison.gathered.axes, comparison.axes)
    is_one = comparison.axes is not None or len(pairs(comparison.gathered.axes)) == 1
    return goes_with(pair) if pair and is_one else "Which goes with which?"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _curves(comparison: Findings, sources: Mapping[str, Any]) -> dict[str, Any]:
    metrics = charts.metrics_of(comparison.gathered.arms)
    tuned = len(at_best_rates(comparison.standings, comparison.metric)) < len(comparison.standings)
    hidden = len(charts.hidden_arms(comparison))
    kept = [word for word, holds in (("at its best learning rate", tuned),
                                     (f"on one {ground_word(comparison)}", is_split(comparison))) if holds]  # fmt: skip
    total = len(comparison.standings)
    which = f", each {' and '.join(kept)}" if kept else ", the best"
    said = f" Shown at first: {total - hidden} of {total}{which}; point at another in the table to see it." if hidden else ""
    window = max(window_for(metric) for metric in metrics)
    seeds = max(len(arm.runs) for arm in comparison.gathered.arms)
    spread = "its 95 % band" if seeds >= FEW_SEEDS else "each seed by itself, as a thin line"
    is_log = any(is_loss(metric) for metric in metrics)
    shown = f"{'Geometric mean' if is_log else 'Mean'} over seeds, with {spread}" if seeds > 1 else "One run for each"
    smoothed = f"; training loss smoothed over {window} steps, what was recorded faint behind it" if window > 1 else ""
    scored = any(TRAIN_FINAL in each.metrics for each in comparison.standings) and TRAIN_LOSS in metrics
    final = " Large mark at the end: the final loss, which is what counts." if scored else ""
    has_lost = any(standing.untrained for standing in comparison.standings)
    lost = " Crosses: runs that diverged or failed to train, drawn one by one up to there." if has_lost else ""
    return {
        "question": fastest(comparison),
        "about": f"{shown}{smoothed}.{final}{lost}{said}",
        "pictures": [sources[name] for name in ("curves", "validation") if name in sources],
    }


def _charts(comparison: Findings, sources: Mapping[str, Any]) -> list[dict[str, Any]]:
    rates, profile = views.rates_view(comparison), views.profile_view(comparison)
    words = {"sensitivity": (rates.question, rates.about)} if rates is not None else {}
    words |= {"profile": (profile.question, profile.defined)} if profile is not None else {}
    return [
        {"name": name, "question": question, "about": about, "picture": sources.get(name)}
        for name, (question, about) in words.items()
    ]


def _image(name: str, sources: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "question": IMAGES[name], "picture": sources[name]}


def _lost(comparison: Findings) -> list[dict[str, str]]:
    """Return the runs that diverged or failed, and the folders left out, each with what happened."""
    found = [
        {"folder": _inside(comparison, run.folder), "arm": arm.name, "seed": str(run.seed), "what": _what(run.summary)}
        for arm in comparison.gathered.arms
        for run in arm.runs
        if run.summary["status"] != "finished"
    ]
    left = [
        {"folder": _inside(comparison, each.folder), "arm": "", "seed": "", "what": f"left out: {each.why}"}
        for each in comparison.gathered.left_out
    ]
    return found + left


def _inside(comparison: Findings, folder: Path) -> str:
    """Return a run's folder from its sweep's on: where that lies is nobody else's business."""
    for home in comparison.gathered.folders:
        with contextlib.suppress(ValueError):
            return (Path(home.resolve().name) / folder.resolve().relative_to(home.resolve())).as_posix()
    return folder.name


def _typed(folders: Sequence[Path]) -> tuple[list[str], str]:
    """Return the paths of folders as a command names them, and where it is to be typed, from which they do not lead upwards."""
    there = [folder.resolve() for folder in folders]
    here = Path.cwd()
    if all(folder.is_relative_to(here) for folder in there):
        return [str(folder.relative_to(here)) for folder in there], ""
    try:
        base = Path(os.path.commonpath([folder.parent for folder in there]))
    except ValueError:  # on several drives
        return [str(folder) for folder in there], ""
    paths = [str(folder.relative_to(base)) for folder in there]
    held = dict.fromkeys(Path(path).parts[0] for path in paths)
    return paths, f", typed in the folder that holds {', '.join(held)}"


def _what(summary: Mapping[str, Any]) -> str:
    status = str(summary["status"])
    if status == "diverged":
        return f"diverged at step {summary.get('diverged_at_step')}"
    return f"{status}: {summary['error']}" if summary.get("error") else status.replace("_", " ")


def commands(comparison: Findings) -> list[tuple[str, str]]:
    """Return what to type to do the same again: the sweeps, and the comparison of their folders."""
    gathered = comparison.gathered
    known = [(folder, read_manifest(folder)) for folder in gathered.folders]
    found = [
        (f"The runs of {folder.name}:", manifest.command)
        for folder, manifest in known
        if manifest is not None and manifest.command
    ]
    if not found:
        first = gathered.arms[0].runs[0].summary.get("command", "")
        found = [("The first of the runs:", str(first))] if first else []
    typed, where = command(comparison)
    return [*found, (f"This comparison, from the run folders alone{where}:", typed)]


def command(comparison: Findings) -> tuple[str, str]:
    """Return the command line that makes this comparison again, and where it is to be typed, if not here."""
    paths, where = _typed(comparison.gathered.folders)
    words = ["python", "-m", "nnreg", "compare", *paths, "--metric", comparison.metric]
    if comparison.target is not None and comparison.target.rule == "chosen":
        words += ["--target", f"{comparison.target.metric}={comparison.target.value!r}"]
    if comparison.axes is not None:
        words += ["--axes", ",".join(comparison.axes)]
    return shlex.join(words), where
