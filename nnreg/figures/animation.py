"""Paths that grow: a GIF, or an MP4 where ffmpeg is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nnreg.errors import UserError
from nnreg.figures.page import Pixels, channels_of, nearest, packed, palette_of, pixels_of
from nnreg.figures.surfaces import Picture, Trail

FRAMES = 60
COLOURS = 127  # and one that stands for no change
STILL = 1.5  # seconds that the last frame stands
MILLIS = 70  # of every other frame


def check_animation(kind: str) -> None:
    """Refuse an animation that cannot be made here.

    Raises:
        UserError: MP4 without ffmpeg.
    """
    if kind == "mp4" and shutil.which("ffmpeg") is None:
        raise UserError("animate=mp4 needs ffmpeg, which is not installed here: use animate=gif")


def animate(picture: Picture, path: Path) -> None:
    """Write an animation of a picture's paths, all at one pace, to a ``.gif`` or an ``.mp4``; the picture stays as it was.

    Raises:
        UserError: MP4 without ffmpeg.
    """
    check_animation(path.suffix.removeprefix("."))
    (_write_gif if path.suffix == ".gif" else _write_mp4)(list(frames(picture)), path)


def frames(picture: Picture) -> Iterator[Pixels]:
    """Yield what is seen, (height, width), packed: the starts, then more and more of the paths, at last the whole picture."""
    figure: Any = picture.figure
    lines = [line for axes in figure.axes for line in sorted(axes.lines, key=lambda line: line.get_zorder())]
    for line in lines:
        line.set_visible(False)
    pixels_of(figure)
    empty = figure.canvas.copy_from_bbox(figure.bbox)
    for line in lines:
        line.set_visible(True)
    longest = max(len(trail.positions) for trail in picture.trails) - 1
    for last in sorted({round(place) for place in np.linspace(0, longest, min(FRAMES, longest + 1))}):
        figure.canvas.restore_region(empty)
        for trail in picture.trails:
            _grow(trail, last)
        for line in lines:
            line.axes.draw_artist(line)
        yield packed(np.asarray(figure.canvas.buffer_rgba())[..., :3])


def _grow(trail: Trail, last: int) -> None:
    """Show a path's first ``last`` updates."""
    seen = trail.positions[: last + 1]
    trail.line.set_data(*seen.T)
    trail.dots.set_data(*seen[:: trail.every].T)
    trail.head.set_data(*seen[-1:].T)


def _write_gif(pictures: list[Pixels], path: Path) -> None:
    """Write what is new in each frame; the rest is transparent, so that all but a few pixels compress to nothing."""
    palette = palette_of(pictures[-1], COLOURS)
    images = [Image.fromarray(nearest(pictures[0], palette))]
    for before, now in pairwise(pictures):
        change = np.full(now.shape, COLOURS, dtype=np.uint8)
        differs = now != before
        change[differs] = nearest(now[differs], palette)
        images.append(Image.fromarray(change))
    table = palette.astype(np.uint8).tobytes().ljust(3 * (COLOURS + 1), b"\0")
    for image in images:
        image.putpalette(table)
    durations = [MILLIS] * (len(images) - 1) + [int(1000 * STILL)]
    options: dict[str, Any] = {"duration": durations, "loop": 0, "disposal": 1, "transparency": COLOURS, "optimize": False}
    images[0].save(path, save_all=True, append_images=images[1:], **options)


def _write_mp4(pictures: list[Pixels], path: Path) -> None:
    rate = 1000 / MILLIS
    height, width = (side // 2 * 2 for side in pictures[0].shape)  # the codec wants even sides
    still = [pictures[-1]] * round(STILL * rate)
    command = ["ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
               "-r", f"{rate:.3f}", "-i", "-", "-pix_fmt", "yuv420p", str(path)]  # fmt: skip
    raw = b"".join(channels_of(pixels[:height, :width]).astype(np.uint8).tobytes() for pixels in (*pictures, *still))
    done = subprocess.run(command, input=raw, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ffmpeg could not write {path.name}: {done.stderr.decode(errors='replace').strip()[-200:]}")
