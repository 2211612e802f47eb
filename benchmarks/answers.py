"""How often an answer is wrong, and how often there is one: the methods of docs/answers.md on drawn and on real losses.

``python benchmarks/answers.py`` prints its tables as Markdown, in some minutes; the real losses are those of
``answers_losses.py``. Everything is computed by ``nnreg.comparison.chance``, thousands of draws at once.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from answers_losses import FILE, README, SPLITS
from scipy import special

from nnreg.comparison.chance import (
    ALPHA,
    alpha_of_look,
    better_chances,
    centers,
    holm,
    loss_floor,
    loss_resolution,
    outdone_arms,
    placed,
)
from nnreg.comparison.problems import over_problems
from nnreg.comparison.race import STAGES, Flags, race_look
from nnreg.records.statistics import Values

SEEDS = (3, 5, 10, 20)
ARMS = (2, 4, 8)
AT_ONCE = 500  # draws in memory
LEAST_COVERAGE = 0.93  # of an arm's pairs, below which the others are shown by themselves too
BAD, WORSE = 0.1, math.log(30)
Draw = Callable[[np.random.Generator, tuple[int, ...]], Values]
"""Log losses of one arm, of a shape that is given."""


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Return logarithms of normal losses, 1 ± .1."""
    return np.log(rng.normal(1, 0.1, shape))


def lognormal(rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Return normal logarithms."""
    return rng.normal(0, 1, shape)


def with_bad_seeds(rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Return normal logarithms of which one in ten is that of a loss 30 times as large."""
    return lognormal(rng, shape) + WORSE * (rng.random(shape) < BAD)


def drawn_again(population: Values, rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Return draws from the seeds that there are."""
    return population[rng.integers(len(population), size=shape)]


DRAWN: Mapping[str, tuple[Draw, Draw]] = {
    "normal": (normal, normal),
    "lognormal(1)": (lognormal, lognormal),
    "10 % bad seeds ×30, both arms": (with_bad_seeds, with_bad_seeds),
    "10 % bad seeds ×30, one arm": (with_bad_seeds, lognormal),
}


class Stored:
    """The real losses: logarithms, floored as those of runs are.

    Args:
        file: what ``answers_losses.py`` wrote.
    """

    def __init__(self, file: Path) -> None:
        with np.load(file) as found:
            self.arms = [str(words) for words in found["arms"]]
            self.optimizers = [str(name) for name in found["optimizers"]]
            self.losses = self._floored(found["losses"])
            self.tuned = self._floored(found["tuned"])

    @staticmethod
    def _floored(losses: npt.NDArray[np.float32]) -> Values:
        """Return log losses, (..., seeds, splits); infinite of a run that diverged or ended above where it began."""
        trained = np.where(losses[..., 1] < losses[..., 0], losses[..., 1].astype(np.float64), math.inf)
        return placed("ratio", trained, loss_floor(float(np.median(losses[..., 0]))))

    def of(self, split: str) -> Values:
        """Return (arms, seeds), infinite where a run failed."""
        return np.asarray(self.losses[..., SPLITS.index(split)])


def families(better: Values) -> Values:
    """Return Holm's p value of each pair, (..., arms, arms): small where the first is better."""
    arms = better.shape[-1]
    pairs = np.array(list(itertools.combinations(range(arms), 2)))
    one, other = better[..., pairs[:, 0], pairs[:, 1]], better[..., pairs[:, 1], pairs[:, 0]]
    found = holm(np.minimum(1, 2 * np.minimum(one, other)))
    whole = np.ones_like(better)
    whole[..., pairs[:, 0], pairs[:, 1]] = np.where(one < other, found, 1)
    whole[..., pairs[:, 1], pairs[:, 0]] = np.where(one < other, 1, found)
    return whole


def claims(values: Values, alpha: float = ALPHA) -> Flags:
    """Return which arm beats which, (..., arms, arms)."""
    return families(better_chances(values, loss_resolution())) <= alpha


def claims_by_looks(values: Values, first: int, last: int) -> Flags:
    """Return which arm beats which at any of the looks, one after every seed."""
    found = np.zeros((*values.shape[:-1], values.shape[-2]), dtype=bool)
    for number, seeds in enumerate(range(first, last + 1), 1):
        found |= claims(values[..., :seeds], alpha_of_look(number))
    return found


def raced(values: Values) -> tuple[Flags, Flags, Values]:
    """Return which arms are left of a race, (..., arms), which beat which, and how many runs there were."""
    live = np.ones(values.shape[:-1], dtype=bool)
    beats = np.zeros((*values.shape[:-1], values.shape[-2]), dtype=bool)
    runs, before = np.zeros(values.shape[:-2]), 0
    for stage in STAGES:
        going = live & (live.sum(axis=-1, keepdims=True) > 1)
        runs += going.sum(axis=-1) * (stage.seeds - before)
        out, certain = race_look(better_chances(values[..., : stage.seeds], loss_resolution()), going, stage.share)
        live, beats, before = live & ~out, beats | certain, stage.seeds
    return live, beats, runs


def covered(values: Values, truth: float) -> float:
    """Return how many 95 % intervals hold the truth; ``values`` are (draws, seeds)."""
    center, error, df = centers(values, loss_resolution())
    return float(np.mean(np.abs(center - truth) <= special.stdtrit(df, 1 - ALPHA / 2) * error))


def coverage(stored: Stored, draws: int, rng: np.random.Generator) -> Iterator[Sequence[str]]:
    """Yield a row for each distribution: how often the interval of a typical ratio holds it."""
    for name, (one, other) in DRAWN.items():
        sample = one(rng, (2_000_000,)) - other(rng, (2_000_000,))
        truth = 0.0 if one is other else float(np.median(sample))
        yield [name, *(f"{covered(one(rng, (draws, n)) - other(rng, (draws, n)), truth):.3f}" for n in SEEDS)]
    for split in SPLITS:
        found = _pairs_covered(stored.of(split), max(200, draws // 10), rng)
        yield [f"real {split} losses, all pairs", *_means_and_worst(found)]
        of_arms = np.nanmean(found, axis=(0, 2))
        worst = int(of_arms.argmin())
        if of_arms[worst] < LEAST_COVERAGE:
            others = np.delete(np.delete(found, worst, axis=0), worst, axis=1)
            yield [f"real {split} losses, without {stored.arms[worst]}", *_means_and_worst(others)]


def _means_and_worst(shares: Values) -> list[str]:
    return [f"{np.nanmean(shares[..., n]):.3f} ({np.nanmin(shares[..., n]):.2f})" for n in range(len(SEEDS))]


def _pairs_covered(values: Values, draws: int, rng: np.random.Generator) -> Values:
    """Return how often the interval of each pair holds its median, (arms, arms, numbers of seeds); NaN on the diagonal."""
    found = np.full((len(values), len(values), len(SEEDS)), math.nan)
    for a, b in itertools.combinations(range(len(values)), 2):
        both = np.isfinite(values[[a, b]]).all(axis=0)
        apart = values[a, both] - values[b, both]
        if not apart.size:
            continue
        shares = [covered(drawn_again(apart, rng, (draws, n)), float(np.median(apart))) for n in SEEDS]
        found[a, b] = found[b, a] = shares
    return found


def populations(stored: Stored) -> dict[str, list[Draw]]:
    """Return what alike arms are drawn from: several where it is the real losses of each arm."""
    drawn: dict[str, list[Draw]] = {name: [one] for name, (one, other) in DRAWN.items() if one is other}
    for split in SPLITS:
        trained = [row[np.isfinite(row)] for row in stored.of(split)]
        drawn[f"real {split} losses"] = [partial(drawn_again, row) for row in trained if row.size]
    return drawn


FALSE = (*(f"n = {n}" for n in SEEDS), "looks 3 to 10", "race", "the best is out of its set")


def false_claims(stored: Stored, draws: int, rng: np.random.Generator) -> Iterator[Sequence[str]]:
    """Yield a row for each distribution and number of alike arms: how often any of them is said to beat another."""
    for (name, sources), arms in itertools.product(populations(stored).items(), ARMS):
        each = max(1, (draws // 4 if len(sources) > 1 else draws) // AT_ONCE)
        shares = np.array([np.mean([_false(source, arms, rng) for _ in range(each)], axis=0) for source in sources])
        cells = []
        for column in range(shares.shape[1]):
            worst = f" ({shares[:, column].max():.3f})" if len(sources) > 1 else ""
            cells.append(f"{shares[:, column].mean():.3f}{worst}")
        yield [name, str(arms), *cells]


def _false(source: Draw, arms: int, rng: np.random.Generator) -> list[float]:
    values = source(rng, (AT_ONCE, arms, max(SEEDS)))
    found = [claims(values[..., :n]) for n in SEEDS]
    found += [claims_by_looks(values, 3, 10), raced(values)[1]]
    out = [outdone_arms(better_chances(values[..., :n], loss_resolution()), ALPHA).mean() for n in SEEDS]
    return [*(float(each.any(axis=(-2, -1)).mean()) for each in found), float(np.mean(out))]


def races(stored: Stored, draws: int, rng: np.random.Generator) -> Iterator[Sequence[str]]:
    """Yield a row for each race: how often its sole winner, or who it drives out, is wrong, and the runs saved."""
    spread = {
        "2 alike": np.zeros(2),
        "6 alike": np.zeros(6),
        "6, two alike, four worse": np.array([0, 0, 0.5, 1, 1.5, 2]),
        "6 in even steps": np.arange(6) / 2,
    }
    for name, means in spread.items():
        values = rng.normal(size=(draws, len(means), 20)) + means[:, None]
        yield _race(f"{name}, lognormal(1)", values, means[:, None] - means)
    for split in SPLITS:
        kept = [arm for arm in range(len(stored.arms)) if np.isfinite(stored.losses[arm]).all()]
        for label, chosen in {
            "README's 8 arms": [arm for arm in kept if stored.arms[arm] in README],
            f"{len(kept)} arms": kept,
        }.items():
            table = stored.losses[chosen][..., SPLITS.index(split)]
            seeds = rng.integers(table.shape[1], size=(draws, 20))
            yield _race(f"{label}, {split}", np.moveaxis(table[:, seeds], 0, 1), medians(table))


def medians(table: Values) -> Values:
    """Return by how much each arm is typically above each other, of log losses (arms, seeds)."""
    return np.asarray(np.median(table[:, None] - table[None], axis=-1))


def _race(name: str, values: Values, apart: Values) -> Sequence[str]:
    """Return the row of a race; ``apart`` is by how much each arm is truly above each other."""
    live, beats, runs = raced(values)
    wins = (apart < 0).sum(axis=1)
    best = wins == wins.max()
    alone = live.sum(axis=-1) == 1
    false = alone & ~live[:, best].any(axis=-1) if best.sum() == 1 else alone
    wrong = (beats & (apart >= 0)).any(axis=(-2, -1))
    cells = [f"{np.mean(share):.3f}" for share in (false, ~live[:, best.argmax()], wrong, alone)]
    share = runs.mean() / values.shape[-2]
    return [name, *cells, f"{live.sum(axis=-1).mean():.1f}", f"{1 - share / 20:.0%}", f"{1 - share / 10:.0%}"]


def both_ways(stored: Stored, draws: int, rng: np.random.Generator) -> Iterator[Sequence[str]]:
    """Yield a row for each way of tuning and judging: pairs of optimizers that are declared in either direction.

    Every redraw tunes each optimizer's rate anew, on seeds of its own, and judges the chosen rates on five others.
    """
    for (tuned, judged), trials in itertools.product(itertools.product(SPLITS, SPLITS), (1, 3)):
        share = _declared(stored.tuned, SPLITS.index(tuned), SPLITS.index(judged), trials, draws, rng)
        turned = np.minimum(share, share.T)[np.triu_indices(len(share), 1)]
        counts = [f"{int((turned > least).sum())} of {turned.size}" for least in (0.05, 0.0)]
        yield [tuned, str(trials), judged, *counts, f"{share.sum() / turned.size:.2f}"]


def _declared(table: Values, tuned: int, judged: int, trials: int, draws: int, rng: np.random.Generator) -> Values:
    """Return how often each optimizer is said to beat each other, (optimizers, optimizers)."""
    optimizers, _, seeds, _ = table.shape
    chosen = np.argsort(rng.random((draws, seeds)), axis=1)
    by = np.exp(table[:, :, chosen[:, :trials], tuned]).mean(axis=-1)  # (optimizers, rates, draws)
    rate = by.argmin(axis=1)
    fresh = chosen[:, trials : trials + 5]
    values = table[np.arange(optimizers)[:, None, None], rate[:, :, None], fresh[None], judged]
    values = np.moveaxis(values, 0, 1)  # (draws, optimizers, 5)
    whole = np.isfinite(values).all(axis=-1)
    found = claims(np.where(np.isfinite(values), values, 0.0))
    return np.asarray((found & whole[:, :, None] & whole[:, None, :]).mean(axis=0))


def power(stored: Stored, draws: int, rng: np.random.Generator) -> Iterator[Sequence[str]]:
    """Yield a row for each split and level: the share of README's 28 pairs that have a winner, and of wrong ones."""
    chosen = [stored.arms.index(words) for words in README]
    for split, (alpha, said) in itertools.product(SPLITS, ((alpha_of_look(1), "first look, .04"), (ALPHA, "only look, .05"))):
        table = stored.losses[chosen][..., SPLITS.index(split)]
        right = medians(table) < 0
        cells, wrong = [], []
        for n in SEEDS[:3]:
            seeds = np.argsort(rng.random((draws, table.shape[1])), axis=1)[:, :n]
            found = claims(np.moveaxis(table[:, seeds], 0, 1), alpha)
            pairs = len(chosen) * (len(chosen) - 1) / 2
            cells.append(f"{(found & right).sum() / pairs / draws:.2f}")
            wrong.append((found & ~right).any(axis=(-2, -1)).mean())
        yield [split, said, *cells, f"{max(wrong):.3f}"]


def problems(draws: int, rng: np.random.Generator) -> Iterator[Sequence[str]]:
    """Yield a row for each number of datasets: false claims of five alike arms, by Holm over Student and by Nemenyi."""
    for count in (5, 8, 12):
        wrong = np.zeros((2, draws))
        for draw in range(draws):
            means = rng.normal(0, 2, (count, 1)) + rng.normal(0, 0.3, (count, 5)) * rng.lognormal(0, 0.5, (count, 1))
            found = over_problems(means)
            assert found is not None
            ranks = np.asarray(found.ranks)
            wrong[:, draw] = min(found.ps.values()) <= ALPHA, np.ptp(ranks) > found.critical
        yield [str(count), *(f"{share:.3f}" for share in wrong.mean(axis=1))]


def table(title: str, heads: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    """Print a table of Markdown, row by row as they come."""
    print(f"\n**{title}**\n", flush=True)
    print(f"| {' | '.join(heads)} |\n|---{'|--:' * (len(heads) - 1)}|")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--draws", type=int, default=10_000, help="of each simulation (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the draws (%(default)s)")
    parser.add_argument("--file", type=Path, default=FILE, help="real losses (%(default)s)")
    wanted = parser.parse_args(arguments)
    stored, draws, rng = Stored(wanted.file), wanted.draws, np.random.default_rng(wanted.seed)
    seeds = [f"n = {n}" for n in SEEDS]
    error = 3 * math.sqrt(0.05 * 0.95 / draws)
    print(f"{draws:,} draws of each; three standard errors of a share of .05 are {error:.3f}, of real losses more.")
    table(
        "Coverage of the 95 % interval of a typical ratio; in brackets the worst real pair",
        ["losses", *seeds],
        coverage(stored, draws, rng),
    )
    title = "Any false claim among alike arms; in brackets the worst arm's real losses"
    table(title, ["losses", "arms", *FALSE], false_claims(stored, draws, rng))
    heads = ["arms", "false sole winner", "the best is out", "any false “beats”", "one is left", "arms left"]
    table("Races", [*heads, "saved against 20 seeds", "against 10"], races(stored, draws, rng))
    heads = ["tuned by", "tuning seeds", "judged by", "both ways, each in 5 %", "both ways, ever", "declared"]
    table(f"Pairs of {len(stored.optimizers)} optimizers in redraws of the seeds", heads, both_ways(stored, draws // 10, rng))
    table("Power on README's eight arms", ["judged by", "level", *seeds[:3], "any wrong, worst n"], power(stored, draws, rng))
    heads = ["datasets", "Holm over Student", "Nemenyi"]
    table("Any false claim of five alike arms over datasets", heads, problems(max(200, draws // 10), rng))


if __name__ == "__main__":
    main()
