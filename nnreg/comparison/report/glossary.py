"""What the words of a report mean: explained where a word is first used, and in a list at the end of the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True)
class Term:
    """A word of the field.

    Attributes:
        name: as the list has it.
        meaning: in plain words, a sentence or two.
        found: how it stands in a text, as a regular expression.
    """

    name: str
    meaning: str
    found: str


TERMS: Mapping[str, Term] = {
    "arm": Term(
        "arm",
        "One of the things that are compared: a technique, or a combination of settings, run once with each seed. "
        "The word is that of medical trials.",
        r"arms?",
    ),
    "seed": Term(
        "seed",
        "The number that a run's chance is drawn from: its initial weights and the order of its batches. Runs of "
        "one seed share both, so they can be compared pair by pair.",
        r"seeds?",
    ),
    "interval": Term(
        "interval",
        "The range that holds the true mean with a probability of 95 %, as far as these seeds can say: Student's "
        "interval. A wide one means that more seeds are needed.",
        r"(?:95 % )?intervals?",
    ),
    "band": Term(
        "band",
        "The 95 % interval of the mean, drawn around its curve at every step.",
        r"95 % band|bands?",
    ),
    "paired": Term(
        "paired",
        "Two runs with the same seed begin with the same weights and see the same batches; their difference is "
        "taken seed by seed, so that what both share falls away.",
        r"paired(?: by seed)?",
    ),
    "ratio": Term(
        "ratio of losses",
        "Losses are compared as how many times one is of the other: a step from 0.2 to 0.1 counts as much as one "
        "from 0.02 to 0.01.",
        r"losses as ratios|ratios?|times the loss",
    ),
    "geometric": Term(
        "geometric mean",
        "The mean of the logarithms, turned back: of 0.01 and 1 it is 0.1. A single bad run does not decide it.",
        r"geometric(?: mean| one)?",
    ),
    "holm": Term(
        "Holm's correction",
        "Of twenty comparisons by luck alone one looks like a win. Holm's rule asks for more evidence the more "
        "comparisons there are, so that all wins of a page together are right with a probability of 95 %. It "
        "never finds less than Bonferroni's.",
        r"Holm|Bonferroni",
    ),
    "p": Term(
        "p value",
        "How often chance alone, without any difference, would have made one at least as large as that seen.",
        r"p values?|p(?= ≤)",
    ),
    "yuen": Term(
        "trimmed mean",
        "From eleven seeds on the lowest and the highest eighth are left out, so that an odd run does not decide; "
        "its interval is Yuen's.",
        r"trimmed mean|Yuen",
    ),
    "welch": Term(
        "not paired",
        "Two groups of runs without common seeds: their means are compared by Welch's interval, which is wider.",
        r"not paired|unpaired|Welch",
    ),
    "tuned": Term(
        "tuned",
        "A setting, such as the learning rate, was chosen for each technique by trying several. Without it a "
        "technique may lose only because its rate does not suit it.",
        r"tuned|tuning",
    ),
    "rate": Term(
        "learning rate",
        "How far one update moves the weights along the direction that was computed.",
        r"learning rates?",
    ),
    "diverged": Term(
        "diverged",
        "The loss grew beyond all bounds; the run was stopped there.",
        r"diverged",
    ),
    "failed": Term(
        "failed to train",
        "A run that went on to its end, at a loss above the one it began with.",
        r"failed to train",
    ),
    "validation": Term(
        "validation",
        "Measured on rows that were not trained on: whether what was learned holds for new data.",
        r"validation",
    ),
    "nats": Term(
        "nats",
        "The unit of cross-entropy: 0.69 nats is a coin toss between two classes, 2.3 a guess among ten, 0 is "
        "certainty that was right.",
        r"nats",
    ),
    "entropy": Term(
        "cross-entropy",
        "How surprised the network is by the right answer, on average; less is better.",
        r"(?:binary )?cross-entropy",
    ),
    "window": Term(
        "smoothing",
        "Each point of a smoothed curve is a weighted mean of its neighbours (a Kaiser window); the faint line "
        "behind it is what was recorded.",
        r"[Ss]moothed|Kaiser window|centred window",
    ),
    "median": Term(
        "median",
        "The value in the middle: half the runs are above it, half below.",
        r"medians?",
    ),
    "target": Term(
        "target",
        "A value to be reached; the number of updates until then measures speed.",
        r"Target|target",
    ),
    "profile": Term(
        "performance profile",
        "For each technique, the share of problems on which it comes within a factor of the best one there. A "
        "curve that is higher and further left is better.",
        r"[Pp]erformance profiles?",
    ),
    "nemenyi": Term(
        "critical difference",
        "How far mean ranks over datasets must be apart to be more than luck (Nemenyi's test).",
        r"critical difference|Nemenyi",
    ),
    "look": Term(
        "look",
        "Seeds that are added after one has seen a result, until one likes it, make winners by luck; so each "
        "further look takes stronger evidence.",
        r"look \d+",
    ),
    "importance": Term(
        "importance",
        "How much worse a forest of decision trees guesses the result of a trial when it is not told this setting.",
        r"importance",
    ),
    "random": Term(
        "random search",
        "Settings are drawn by lot, not from a grid: with as many runs each single setting is tried at more values.",
        r"random search|[Rr]andom trial",
    ),
}

_ANY = re.compile("|".join(rf"\b(?P<{key}>{term.found})(?!\w)" for key, term in TERMS.items()))


class Glossary:
    """Explains words in the texts of one page, each where it is first used."""

    def __init__(self) -> None:
        self._used: dict[str, Term] = {}

    def explained(self, text: str) -> Markup:
        """Return a text as HTML, in which each word of the glossary that was not used before leads to its meaning."""
        parts, at = [], 0
        for match in _ANY.finditer(text):
            key = str(match.lastgroup)
            if key in self._used:
                continue
            self._used[key] = TERMS[key]
            parts += [escape(text[at : match.start()]), self._link(key, match[0])]
            at = match.end()
        return Markup("").join([*parts, escape(text[at:])])

    def _link(self, key: str, words: str) -> Markup:
        return Markup('<a class="term" href="#term-{0}" aria-describedby="term-{0}">{1}</a>').format(key, words)

    @property
    def used(self) -> list[tuple[str, Term]]:
        """The words that were explained so far, in the order of the alphabet."""
        return sorted(self._used.items(), key=lambda item: item[1].name.casefold())
