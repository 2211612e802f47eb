"""Folders that somebody made to do harm: to run code, to read or write elsewhere, to take all memory or time."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

CONFIG = """\
task: train
seed: 0
hidden: [4]
steps: 5
batch: 8
optimizer: {name: sgd, lr: 0.1}
init: {name: he}
bias: {name: zeros}
activation: {name: relu}
dataset: {name: iris}
loss: {name: softmax_cross_entropy}
regularizer: {name: none}
norm: {name: none}
dropout: {name: none}
schedule: {name: constant}
tracking: 'off'
"""
SUMMARY = {
    "label": "sgd-he",
    "status": "killed",
    "steps": 5,
    "seconds": 0.1,
    "metrics": {},
    "choices": {"optimizer": "sgd"},
    "overrides": [],
    "command": "python -m nnreg steps=5",
    "seed": 0,
    "dataset": None,
    "sweep_id": None,
    "job": None,
}
HISTORY = "step,metric,value\n1,train/loss,0.5\n"
MARK = "executed"
"""File that code of a stranger writes into the working directory."""


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return os.system, (f"touch {MARK}",)


def sound(folder: Path) -> Path:
    """Make a run folder in which nothing is wrong."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    (folder / "history.csv.gz").write_bytes(gzip.compress(HISTORY.encode()))
    return folder


def armed(folder: Path) -> str:
    """Write a pickle that runs code, and return its path."""
    (folder / "armed.pkl").write_bytes(pickle.dumps(Bomb()))
    return str(folder / "armed.pkl")


def _aliases(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


def _merges(levels: int) -> str:
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


def _callback(target: str) -> Callable[[Path], str]:
    def text(folder: Path) -> str:
        path = armed(folder)
        node = f"    it: {{_target_: {target}, filepath_or_buffer: {path}}}\n"
        return f"{CONFIG}hydra:\n  callbacks:\n{node}"

    return text


HARMLESS_TO_READ = (
    "callback", "callback of the sweep", "folder", "dotted folder", "search path", "secret", "secret in a key",
    "secret in a parameter", "target", "words", "glob", "parameter", "package",
)  # fmt: skip
"""Configurations that only hurt who acts on them: a comparison shows them as the text that they are."""
CONFIGS: dict[str, Callable[[Path], str]] = {
    "callback": _callback("pandas.read_pickle"),
    "callback of the sweep": lambda folder: _callback("pandas.read_pickle")(folder).replace("hydra:", "'+hydra':"),
    "folder": lambda folder: f"{CONFIG}hydra: {{run: {{dir: ../elsewhere}}}}\n",
    "dotted folder": lambda folder: f"{CONFIG}hydra.run.dir: ../elsewhere\n",
    "search path": lambda folder: f"{CONFIG}hydra: {{searchpath: ['file://{folder}']}}\n",
    "secret": lambda folder: f"{CONFIG}experiment_name: '${{oc.env:SECRET}}'\n",
    "secret in a key": lambda folder: f"{CONFIG}'${{oc.env:SECRET}}': 1\n",
    "secret in a parameter": lambda folder: CONFIG.replace("lr: 0.1", "lr: '${oc.env:SECRET}'"),
    "target": lambda folder: CONFIG.replace("lr: 0.1", f"_target_: pandas.read_pickle, filepath_or_buffer: {armed(folder)}"),
    "words": lambda folder: CONFIG.replace("name: sgd", "name: 'sgd hydra.run.dir=../elsewhere'"),
    "glob": lambda folder: CONFIG.replace("name: sgd", "name: 'glob(*)'"),
    "parameter": lambda folder: CONFIG.replace("lr: 0.1", "'lr=1 hydra.run.dir': ../elsewhere"),
    "package": lambda folder: CONFIG.replace("lr: 0.1", "'lr@hydra.run.dir': ../elsewhere"),
    "object": lambda folder: f"{CONFIG}x: !!python/object/apply:os.system ['touch {MARK}']\n",
    "path": lambda folder: f"{CONFIG}experiment_name: !!python/object/apply:pathlib.PosixPath [a]\n",
    "six levels of aliases": lambda folder: CONFIG + _aliases(6),
    "ten levels of aliases": lambda folder: CONFIG + _aliases(10),
    "thirty levels of aliases": lambda folder: CONFIG + _aliases(30),
    "merged aliases": lambda folder: CONFIG + _merges(10),
    "alias of itself": lambda folder: f"{CONFIG}x: &x [*x]\n",
    "deep brackets": lambda folder: f"{CONFIG}x: {'[' * 100_000}\n",
    "deep list": lambda folder: f"{CONFIG}x:\n  {'- ' * 100_000}x\n",
    "deep keys": lambda folder: f"{CONFIG}x: {'? ' * 100_000}x\n",
    "deep map": lambda folder: CONFIG + "".join(f"{' ' * n}x:\n" for n in range(800)),
    "many values": lambda folder: f"{CONFIG}x: [{'1,' * 400_000}]\n",
    "many keys": lambda folder: CONFIG + "".join(f"k{n}: 1\n" for n in range(90_000)),
    "long number": lambda folder: f"{CONFIG}x: {'9' * 900_000}\n",
    "number of base 60": lambda folder: f"{CONFIG}x: 1{':59' * 300_000}\n",
    "long file": lambda folder: f"{CONFIG}x: {'y' * 50_000_000}\n",
    "no text": lambda folder: "\0\0\0",
}


def _zeros(gigabytes: int) -> bytes:
    member = gzip.compress(bytes(1 << 30), 6)
    return member * gigabytes


def _lines(count: int) -> bytes:
    head = b"step,metric,value\n"
    return gzip.compress(head + b"1,train/loss,0.5\n" * count, 6)


def _lying(content: bytes) -> bytes:
    return content[:-4] + struct.pack("<I", 100)


def member(array: np.ndarray, *, shape: str | None = None) -> bytes:
    """Return an array as a file of NumPy's, whose header may lie about its shape."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=True)
    content = stream.getvalue()
    if shape is not None:
        was = f"{array.shape}, }}"
        content = content.replace(was.encode().ljust(len(shape) + 3), f"{shape}, }}".encode(), 1)
    return content


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return an ``.npz`` file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as made:
        for name, content in members.items():
            made.writestr(f"{name}.npy", content)
    return stream.getvalue()


def overlapping(count: int, size: int) -> bytes:
    """Return an archive of many arrays that are all the same bytes."""
    content = archive({"theta": member(np.zeros(size))})
    start = content.rindex(b"PK\x01\x02")
    entry, end = content[start : content.rindex(b"PK\x05\x06")], bytearray(content[content.rindex(b"PK\x05\x06") :])
    struct.pack_into("<HHI", end, 8, count, count, len(entry) * count)
    return content[:start] + entry * count + bytes(end)


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "packed zeros": lambda: archive({"theta": member(np.zeros(120 << 20))}, zipfile.ZIP_DEFLATED),
    "overlapping arrays": lambda: overlapping(5_000, 1 << 20),
    "a table without end": lambda: overlapping(60_000, 8),
    "another shape": lambda: archive({"theta": member(np.zeros(8), shape="(99999999999,)")}),
    "a pickle": lambda: archive({"facts": member(np.array([Bomb()], dtype=object))}),
    "no archive": lambda: b"PK" * 1_000,
}
PACKED: dict[str, Callable[[], bytes]] = {
    "zeros": lambda: _zeros(4),
    "zeros that lie": lambda: _lying(_zeros(4)),
    "lines": lambda: _lines(20_000_000),
    "lines that lie": lambda: _lying(_lines(20_000_000)),
}
TEXTS: dict[str, Callable[[], bytes]] = {
    "deep list": lambda: b"[" * 1_000_000,
    "deep map": lambda: b'{"a":' * 500_000,
    "rather deep": lambda: json.dumps(SUMMARY).encode()[:-1] + b', "x": ' + b"[" * 500 + b"]" * 500 + b"}",
    "many lists": lambda: b"[" + b"[]," * 8_000_000 + b"[]]",
    "long number": lambda: json.dumps(SUMMARY).encode()[:-1] + b', "x": ' + b"9" * 1_000_000 + b"}",
    "long file": lambda: b'"' + b"x" * 200_000_000 + b'"',
    "no map": lambda: b"3",
    "no text": lambda: b"\xff\xfe\x00",
}


def pipe(path: Path) -> None:
    """Put a pipe in the place of a file: whoever reads it waits without end."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def device(path: Path) -> None:
    """Put a link to a device in the place of a file, which has no end."""
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def sparse(path: Path) -> None:
    """Put a file of ten gigabytes in the place of another, of which the disk keeps none."""
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(10 << 30)


SPECIAL = {"pipe": pipe, "device": device, "sparse file": sparse}
