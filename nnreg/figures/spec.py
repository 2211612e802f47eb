"""What a study may say of a figure, and the line below it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnreg.engine.history import TRAIN_LOSS
from nnreg.errors import UserError, instead
from nnreg.records.results import Result, Results, untrained_words

OUTSIDE = ("kind", "title", "name")
"""Words about a figure that are not the drawing's concern."""

Words = TypeVar("Words", bound="Common")


@dataclasses.dataclass
class Common:
    """What every figure may be told.

    Args:
        subtitle: what is shown, below the title.
        note: added to the line below the figure.
    """

    subtitle: str = ""
    note: str = ""


def read_words(words: type[Words], spec: Mapping[str, Any]) -> Words:
    """Return a figure's words, typed.

    Raises:
        UserError: a word is unknown, missing or of the wrong type.
    """
    known = [field.name for field in dataclasses.fields(words)]
    kind = str(spec.get("kind", words.__name__.lower()))
    given = {str(key): value for key, value in spec.items() if key not in OUTSIDE}
    for key in given:
        if key not in known:
            raise UserError(f"a figure of kind {kind} has no '{key}'{instead(key, known)}")
    for field in dataclasses.fields(words):
        if field.default is MISSING and field.name not in given:
            raise UserError(f"a figure of kind {kind} needs {field.name}, such as {field.name}: {field.metadata['example']}")
    try:
        made = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(words), given))
    except OmegaConfBaseException as error:
        raise UserError(f"a figure of kind {kind}: {error.full_key}: {str(error).splitlines()[0]}") from error
    assert isinstance(made, words)
    return made


def check_limits(**limits: Sequence[float] | None) -> None:
    """Refuse what cannot be the two ends of an axis; None stands for ends that nobody chose.

    Raises:
        UserError: naming the first.
    """
    for name, ends in limits.items():
        if ends is not None and (len(ends) != 2 or ends[0] >= ends[1]):
            raise UserError(f"{name} must be two numbers, the lower first, such as {name}: [0, 1], got {list(ends)}")


def needed(example: str) -> Any:
    """Return a field that must be given."""
    return dataclasses.field(default=MISSING, metadata={"example": example})


FEW_SEEDS = 4
"""Below it an interval says less than the seeds themselves."""
RECORDED = "training loss: each step's batch, before its update, in the forward pass that made the gradient"


class Marks(NamedTuple):
    """What a figure makes of each group of runs.

    Attributes:
        one: what it is called.
        of_seeds: what is said of several seeds.
        of_one: what is said of one run with the only seed.
        lost: what becomes of diverged runs; "" where that does not matter.
        stops: what is said where runs stop early, or "".
    """

    one: str
    of_seeds: str
    of_one: str
    lost: str
    stops: str


CURVE_MARKS = Marks(
    one="curve",
    of_seeds=": mean and 95 % interval",
    of_one="",
    lost="each ends at its cross and is in no mean",
    stops="where runs stop early, a curve ends with the first of them",
)
CELL_MARKS = Marks(one="cell", of_seeds="", of_one=", one run a cell", lost="they are in no mean", stops="")


def stopped_early(run: Result) -> bool:
    """Tell whether a run ended before its last step for want of patience."""
    return (run.summary.get("early_stop") or {}).get("stopped_at") is not None


def footer(
    results: Results,
    groups: Sequence[Results],
    metrics: Sequence[str],
    window: int = 1,
    note: str = "",
    *,
    marks: Marks = CURVE_MARKS,
    is_mean: bool = True,
    bands: bool = True,
) -> str:
    """Return the line that says how many seeds, what was smoothed, what is recorded when, and which runs are missing.

    Args:
        results: all runs.
        groups: the runs of each curve or cell that is drawn, each run in one of them.
        metrics: what is drawn of them.
        window: of the smoothing, in records; 1 for none.
        note: what a study adds.
        marks: what is drawn of a group.
        is_mean: whether groups are means over seeds, not a panel for a single run each.
        bands: whether their intervals are drawn.
    """
    if marks.of_seeds:
        marks = marks._replace(of_seeds=_shown_of_seeds(groups, bands=bands))
    shown = [run for group in groups for run in group]
    parts = [_seeds(groups, marks)] if is_mean else ["each panel: one run"]
    if TRAIN_LOSS in metrics:
        parts.append(RECORDED)
    if window > 1:
        parts.append(f"smoothed over {window} steps, a loss by its logarithm; as recorded: the faint line behind")
    if marks.lost and (lost := untrained_words(shown)):
        parts.append(f"{lost}: {marks.lost}")
    if any(map(stopped_early, shown)) and is_mean:
        parts += [marks.stops] if marks.stops else []
    if len(shown) < len(results):
        parts.append(f"{len(results) - len(shown)} of {len(results)} runs did not finish and are not shown")
    parts += [note.strip().rstrip(".")] if note.strip() else []
    return ". ".join(part[0].upper() + part[1:] for part in parts) + "."


def _shown_of_seeds(groups: Sequence[Results], *, bands: bool) -> str:
    """Return what is drawn of several seeds: an interval, or the seeds themselves where they are few."""
    counts = {len(group.seeds) for group in groups} - {1}
    if not bands:
        return ": mean"
    few = max(counts, default=0) < FEW_SEEDS
    both = min(counts, default=0) < FEW_SEEDS and not few
    return (
        ": mean, and each seed thin" if few else f": mean and 95 % interval{', each seed where they are few' if both else ''}"
    )


def _seeds(groups: Sequence[Results], marks: Marks) -> str:
    """Return how many seeds there are, and whether every group has the same."""
    seeds = sorted({seed for group in groups for seed in group.seeds})
    is_alone = all(len(group) == 1 for group in groups)
    if len(seeds) == 1:
        return f"one seed ({seeds[0]}){marks.of_one if is_alone else ''}"
    if is_alone:
        return f"{len(seeds)} seeds, one run a {marks.one}"
    if len({group.seeds for group in groups}) == 1:
        return f"{len(seeds)} seeds, the same for every {marks.one}{marks.of_seeds}"
    counts = [len(group.seeds) for group in groups]
    few, many = min(counts), max(counts)
    each = f"{few} to {many} seeds" if few < many else f"{many} seeds" if many > 1 else "one seed"
    return f"{len(seeds)} seeds, {each} a {marks.one}, not the same for all{marks.of_seeds}"
