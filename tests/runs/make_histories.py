"""Writes what some runs record, to the bit, into histories.json: ``python -m tests.runs.make_histories``.

A change that moves code must leave the file as it is; one of numerics writes it again and says so in the changelog.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnreg import run
from nnreg.engine.history import FINAL_LOSS, RATE, START_LOSS
from nnreg.engine.numerics import kernels

FILE = Path(__file__).with_name("histories.json")


def made_on() -> dict[str, str]:
    """Return what decides the last bits of a sum."""
    return {"numpy": np.__version__, "kernels": kernels()[0]}


def recorded(words: str) -> dict[str, Any]:
    """Run one configuration and return the hash of all it recorded, how many records there are, and the last of each metric.

    The training loss in evaluation mode and the learning rate, which the code before the move did not record, are left out.
    """
    history = run(*words.split(), tracking="off", quiet=True).history
    digest, kept = hashlib.sha256(), [record for record in history if record.metric not in (START_LOSS, FINAL_LOSS, RATE)]
    for record in kept:
        digest.update(f"{record.step},{record.metric},{float(record.value).hex()}\n".encode())
    last = {record.metric: float(record.value) for record in kept}
    return {"sha256": digest.hexdigest(), "records": len(kept), "last": last}


def known() -> Mapping[str, Any]:
    """Return what the file holds."""
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    every = list(known()["runs"])
    os.chdir(tempfile.mkdtemp())
    runs = {words: recorded(words) for words in every}
    FILE.write_text(json.dumps({"made on": made_on(), "runs": runs}, indent=1) + "\n", encoding="utf-8")
