"""What came of some descents, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from nnreg.contracts import Surface
from nnreg.play.descents import Descent
from nnreg.play.question import Question
from nnreg.play.stability import largest_stable_rate


def outcome(question: Question, surface: Surface, descents: Sequence[Descent | None]) -> str:
    """Return who arrived and after how many updates, who is still how far away, and who was lost and why.

    Args:
        question: which rules.
        surface: where.
        descents: of each rule, None for one that could not descend.
    """
    names = _names(question)
    pairs = [(name, each) for name, each in zip(names, descents, strict=True) if each is not None]
    arrived = sorted((each.summary["descent/steps_to_tolerance"], name) for name, each in pairs if _has_arrived(each))
    parts = [_of_arrival(steps, name, is_first=not number and len(pairs) > 1) for number, (steps, name) in enumerate(arrived)]
    for name, each in pairs:
        if each.diverged_at is not None:
            parts.append(
                f"{name} is thrown out of the valley by update {each.diverged_at}{_why(question, surface, name, names)}"
            )
        elif not _has_arrived(each):
            parts.append(_of_travel(name, each, question.steps))
    parts += [f"{name} could not descend" for name, each in zip(names, descents, strict=True) if each is None]
    return f"{'; '.join(parts)}."


def _names(question: Question) -> list[str]:
    """Return what the rules are called, two of one name told apart by their learning rates or places."""
    names = [rule.name for rule in question.rules]
    shown = []
    for place, rule in enumerate(question.rules):
        rate = next((rule.values[key] for key in rule.values if key.rpartition(".")[2] == "lr"), None)
        is_double = names.count(rule.name) > 1
        shown.append(f"{rule.name} (lr {rate:g})" if is_double and rate is not None else rule.name)
        if is_double and shown.count(shown[-1]) > 1:
            shown[-1] = f"{rule.name} ({place + 1})"
    return shown


def _has_arrived(each: Descent) -> bool:
    return each.diverged_at is None and "descent/steps_to_tolerance" in each.summary


def _of_arrival(steps: float, name: str, *, is_first: bool) -> str:
    count = f"{steps:.0f} {'update' if steps == 1 else 'updates'}"
    if steps == 0:
        return f"{name} begins at the minimum and stays there"
    return f"{name} is the first to arrive, after {count}" if is_first else f"{name} arrives after {count}"


def _of_travel(name: str, each: Descent, steps: int) -> str:
    distance = each.summary.get("descent/distance")
    if distance is None:
        return f"{name} is at height {each.values[-1]:.3g} after {steps} updates"
    begun = each.summary.get("descent/path_length", 0.0)
    still = "has hardly moved, and is" if begun < 0.02 * distance else "is still"
    return f"{name} {still} {distance:.3g} from the minimum after {steps} updates"


def _why(question: Question, surface: Surface, name: str, names: Sequence[str]) -> str:
    """Say which bound a learning rate is beyond, where the bound is known for this rule on this surface."""
    rule = question.rules[list(names).index(name)]
    bound = largest_stable_rate(rule.name, rule.values, surface.largest_curvature)
    return f", as its learning rate is beyond {bound:.3g}, where theory ends" if bound is not None else ""
