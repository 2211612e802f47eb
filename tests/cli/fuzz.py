"""Command lines that nobody means, for tests: made of words, options, groups and brackets, and of what a keyboard slips in.

``python -m tests.cli.fuzz 500 FOLDER [SEED]`` types so many lines and prints those that the program does not answer as it must.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nnreg.cli.main import COMMANDS
from nnreg.cli.words import FLAGS, VALUED
from nnreg.registry import entries
from nnreg.settings import setting_names
from tests.cli import copies

SECONDS = 60.0
SERVING = {"ui", "play"}
"""Commands that go on until Ctrl-C, where nothing is wrong with their words."""
SETTINGS = sorted(setting_names())
SMALL = ("steps=2", "hidden=[4]", "dataset=iris", "batch=8", "tracking=off")
"""What keeps a line that happens to be sound from taking long."""

VALUES = (
    *(
        "",
        "0",
        "1",
        "-1",
        "1e3",
        "nan",
        "inf",
        "-inf",
        "null",
        "true",
        "abc",
        "''",
        "1,2",
        "a,b",
        "[1,2]",
        "[[1],[2]]",
        "[]",
        "{}",
    ),
    *(
        "{a:1}",
        "${x}",
        "${seed}",
        "${oc.env:HOME}",
        "${",
        "}",
        "[",
        "]",
        "(",
        ")",
        "[1",
        "1]",
        "'",
        '"',
        "\\",
        "\\,",
        "range(1,3)",
    ),
    *(
        "glob(*)",
        "glob(",
        "choice(1,2)",
        "interval(0,1)",
        "sort(3,1)",
        "shuffle(1,2)",
        "~",
        "=",
        "==",
        ",",
        ",,",
        " ",
        "\t",
        "\n",
    ),
    *(
        "é",
        "日本",
        "🦙",
        "\u202e",
        "\x01",
        "\x7f",
        "99999999999999999999",
        "0x10",
        "1_000",
        "..",
        "/",
        "../..",
        "@",
        "%",
        "#",
        ";",
        "*",
    ),
)
ODD = (
    *(
        "",
        " ",
        "=",
        "==",
        "~",
        "+",
        "++",
        "@",
        "+@",
        "+@foo=bar",
        "~x={",
        "a",
        "a=",
        "=a",
        "a.b.c=1",
        ".=1",
        "..",
        "a..b=1",
        "a[0]=1",
    ),
    *(
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        "'",
        '"',
        "${",
        "${}",
        "\\",
        ",",
        "*",
        "?",
        "-",
        "--",
        "---",
        "--=",
        "-=",
        "-z",
        "-zz",
        "--foo",
    ),
    *(
        "--foo=1",
        "-1",
        "é=1",
        "日本=1",
        "🦙",
        "\u202eabc=1",
        "a\x01b=1",
        "a b=1",
        "a\nb=1",
        "\t=1",
        "optimizer",
        "adam",
        "optimizer=adam=",
    ),
    *(
        "hydra=null",
        "hydra.run=null",
        "hydra.run.dir=",
        "hydra.run.dir=null",
        "~hydra",
        "~hydra.run",
        "~hydra.sweep",
        "hydra.job=null",
    ),
    *(
        "hydra.sweep.dir=null",
        "hydra.sweep.subdir=null",
        "hydra.sweep.subdir=..",
        "hydra.sweep.subdir=x",
        "hydra.callbacks=null",
    ),
    *(
        "hydra/launcher=none",
        "hydra/launcher=basic",
        "hydra/sweeper=basic",
        "hydra/sweeper=none",
        "hydra/launcher=null",
        "~hydra/launcher",
    ),
    *(
        "hydra.mode=MULTIRUN",
        "hydra.mode=RUN",
        "hydra.mode=x",
        "hydra.verbose=x",
        "hydra.job.chdir=x",
        "hydra.job.name=",
        "hydra.job.num=x",
    ),
    *("hydra.searchpath=[x]", "hydra.searchpath=x", "hydra.output_subdir=null", "hydra.launcher=null"),
    *(
        "~settings",
        "~protocol",
        "~experiment",
        "~hparams_search",
        "~debug",
        "~sweep",
        "~sweep.resume",
        "~seed",
        "~steps",
        "~task",
        "sweep=1",
    ),
    *(
        "sweep=null",
        "protocol=null",
        "protocol=x",
        "experiment=",
        "experiment=x",
        "experiment=null,x",
        "debug=x",
        "hparams_search=x",
    ),
    *(
        "member=1",
        "member=x",
        "study=1",
        "resume=true",
        "resume=x",
        "sweep.resume=nowhere",
        "sweep.dry_run=true",
        "experiment=[zero_init]",
    ),
)


class Answered(NamedTuple):
    """What came of a line."""

    words: tuple[str, ...]
    code: int | None
    out: str
    err: str

    def complaint(self) -> str:
        """Return what is wrong with the answer, "" where nothing is."""
        if self.code is None:
            return "it hangs"
        if "Traceback" in self.out + self.err:
            return "a traceback"
        if "usage:" in self.err:
            return "a page of usage"
        lines = self.err.strip().splitlines()
        if self.code == 2 and len(lines) != 1:
            return f"{len(lines)} lines"
        if self.code == 2 and not lines[0].startswith("nnreg: "):
            return "a line of something else"
        return "" if self.code in (0, 1, 2) else f"exit code {self.code}"


def lines(seed: int) -> Iterator[tuple[str, ...]]:
    """Yield command lines without end, the same for the same seed."""
    rng = random.Random(seed)
    while True:
        words = [_word(rng) for _ in range(rng.choice((1, 1, 1, 2, 2, 3)))]
        if rng.random() < 0.3:
            words.insert(rng.randrange(len(words) + 1), "-m")
        command = rng.choice([name for name in COMMANDS if name not in SERVING]) if rng.random() < 0.15 else None
        if command is not None:
            yield command, *words
            continue
        rest = [*SMALL, "sweep.max_jobs=3"] if "-m" in words else list(SMALL)
        rng.shuffle(rest)
        yield tuple([*rest, *words] if rng.random() < 0.5 else [*words, *rest])


def _word(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.25:
        return rng.choice(ODD)
    if kind < 0.4:
        option = rng.choice([*FLAGS, *FLAGS.values(), *VALUED, *VALUED.values()])
        return option + rng.choice(("", "", "=", "x")) + (rng.choice(VALUES) if rng.random() < 0.4 else "")
    groups = [*entries.groups(), *entries.slots(), "hydra/launcher", "hydra/sweeper", "protocol", "experiment", "debug"]
    key = rng.choice(groups) if kind < 0.65 else rng.choice(SETTINGS)
    key += rng.choice(("", "", "", "", ".lr", ".name", ".x", "@x", "@", "."))
    value = rng.choice(VALUES) if rng.random() < 0.7 else rng.choice(list(entries.techniques(key)) or ["x"])
    word = rng.choice(("", "", "", "", "+", "++", "~")) + key + (f"={value}" if rng.random() < 0.85 else "")
    if rng.random() < 0.15:
        at = rng.randrange(len(word) + 1)
        word = word[:at] + rng.choice("[]{}()'\"\\$=,~+@.: é\x02") + word[at:]
    return word


def answer(words: tuple[str, ...], folder: Path) -> Answered:
    """Type a line in a folder."""
    copy = copies.begin(words, folder)
    code = copy.wait(SECONDS)
    return Answered(words, code, copy.said("out"), copy.said("err"))


def main(count: int, folder: Path, seed: int = 0) -> int:
    """Type lines; print those whose answer is wrong, and return how many."""
    wrong = 0
    os.environ.pop("HYDRA_FULL_ERROR", None)
    copies.import_everything()
    for words, _ in zip(lines(seed), range(count), strict=False):
        answered = answer(words, folder)
        if complaint := answered.complaint():
            wrong += 1
            print(f"{complaint}: {list(words)}\n  {answered.err[-600:]}", flush=True)
    return wrong


if __name__ == "__main__":
    print(main(int(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])), "wrong")
