"""The report: one HTML file that holds everything, is read without a network, and says the answer first."""

from __future__ import annotations

import base64
import functools
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnreg.comparison.contenders import at_best_rates
from nnreg.comparison.fairness import fairness_line
from nnreg.comparison.naming import duration
from nnreg.comparison.report import charts, panels, views
from nnreg.comparison.report.captions import RANKS, asked, fastest, goes_with, ground_word, is_split
from nnreg.comparison.tables import main_pair, pairs
from nnreg.figures.curves import window_for
from nnreg.records.card import ENDINGS
from nnreg.records.manifest import read_manifest

if TYPE_CHECKING:
    import jinja2

    from nnreg.comparison.findings import Findings


IMAGES = {"paths": "Which way do they take?", "ranks": RANKS}
"""Pictures that the page has no chart of its own for."""
TEMPLATES = Path(__file__).parent
MOST_LOST = 200


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
    return _environment().get_template(name).render(context)


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2  # not at start-up

    return jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def _context(comparison: Findings, pictures: Mapping[str, Path]) -> dict[str, Any]:
    made = charts.charts(comparison)
    sources = {name: {"source": _source(path), "alt": _alt(comparison, name)} for name, path in pictures.items()}
    lost = _lost(comparison)
    own = {name: (TEMPLATES / f"report.{name}").read_text(encoding="utf-8") for name in ("css", "js")}
    return {
        "title": f"{comparison.answers[0].partition(';')[0].rstrip('.')} - nnreg comparison",
        "style": own["css"],
        "script": own["js"],
        "where": ", ".join(folder.resolve().name for folder in comparison.gathered.folders[:4]),
        "answers": _sided(comparison),
        "fairness": comparison.fairness,
        "facts": _facts(comparison),
        "curves": _curves(comparison, sources) if "curves" in made else None,
        "standings": panels.standings(comparison),
        "trials": comparison.trials,
        "matrices": panels.matrices(views.wins_views(comparison)),
        "wins_question": f"Which {asked(comparison)} beats which?",
        "heat": panels.heat(views.heat_views(comparison)),
        "heat_question": _goes_with(comparison),
        "charts": _charts(comparison, sources),
        "images": [_image(name, sources) for name in IMAGES if name in sources],
        "lost": lost[:MOST_LOST],
        "more_lost": max(0, len(lost) - MOST_LOST),
        "commands": commands(comparison),
        "data": {"charts": made},
    }


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
    said = " Shown at first: each at its best learning rate; a click in the list shows the others." if tuned else ""
    said += f" Shown at first: one {ground_word(comparison)}." if is_split(comparison) else ""
    window = max(window_for(metric) for metric in metrics)
    shown = "Mean over seeds with its 95 % band" if len(comparison.gathered.seeds) > 1 else "One run for each"
    smoothed = f"; training loss under a centred window of {window} steps" if window > 1 else ""
    has_lost = any(standing.untrained for standing in comparison.standings)
    lost = " Crosses: runs that diverged or failed to train, drawn one by one up to there." if has_lost else ""
    return {
        "question": fastest(comparison),
        "about": f"{shown}{smoothed}.{lost}{said}",
        "pictures": [sources[name] for name in ("curves", "validation") if name in sources],
        "fairness": fairness_line(comparison.gathered, metrics, window),
    }


def _charts(comparison: Findings, sources: Mapping[str, Any]) -> list[dict[str, Any]]:
    rates, profile = views.rates_view(comparison), views.profile_view(comparison)
    words = {"sensitivity": (rates.question, rates.about)} if rates is not None else {}
    words |= {"profile": (profile.question, profile.defined)} if profile is not None else {}
    return [
        {"name": name, "question": question, "about": about, "picture": sources[name]}
        for name, (question, about) in words.items()
    ]


def _image(name: str, sources: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "question": IMAGES[name], "picture": sources[name]}


def _lost(comparison: Findings) -> list[dict[str, str]]:
    """Return the runs that diverged or failed, and the folders left out, each with what happened."""
    found = [
        {"folder": str(run.folder), "arm": arm.name, "seed": str(run.seed), "what": _what(run.summary)}
        for arm in comparison.gathered.arms
        for run in arm.runs
        if run.summary["status"] != "finished"
    ]
    left = [
        {"folder": str(each.folder), "arm": "", "seed": "", "what": f"left out: {each.why}"}
        for each in comparison.gathered.left_out
    ]
    return found + left


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
    return [*found, ("This comparison, from the run folders alone:", command(comparison))]


def command(comparison: Findings) -> str:
    """Return the command line that makes this comparison again."""
    words: Sequence[str] = [
        "python",
        "-m",
        "nnreg",
        "compare",
        *map(str, comparison.gathered.folders),
        "--metric",
        comparison.metric,
    ]
    if comparison.target is not None and comparison.target.rule == "chosen":
        words = [*words, "--target", f"{comparison.target.metric}={comparison.target.value!r}"]
    if comparison.axes is not None:
        words = [*words, "--axes", ",".join(comparison.axes)]
    return shlex.join(words)
