"""Paths that grow: a GIF, or an MP4 where ffmpeg is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nnreg.errors import UserError
from nnreg.figures.page import INK, MARGIN, SUBTITLE, image_of, in_few_colours
from nnreg.figures.surfaces import Picture, Trail
from nnreg.numerals import whole

FRAMES = 60
COLOURS = 255  # and one in which Pillow writes what did not change
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


def frames(picture: Picture) -> Iterator[Image.Image]:
    """Yield what is seen: the starts, then more and more of the paths with the updates counted, at last how they ended."""
    figure: Any = picture.figure
    counter = picture.page.text(picture.page.width - MARGIN, -0.1, "", fontsize=SUBTITLE, color=INK, ha="right")
    lines = [line for axes in figure.axes for line in sorted(axes.lines, key=lambda line: line.get_zorder())]
    for artist in (*lines, *picture.endings):
        artist.set_visible(False)
    figure.canvas.draw()
    empty = figure.canvas.copy_from_bbox(figure.bbox)
    for artist in (*lines, *picture.endings):
        artist.set_visible(True)
    longest = max(len(trail.positions) for trail in picture.trails) - 1
    for last in sorted({round(place) for place in np.linspace(0, longest, min(FRAMES, longest + 1))}):
        figure.canvas.restore_region(empty)
        for trail in picture.trails:
            _grow(trail, last)
        counter.set_text(f"update {whole(last)} of {whole(longest)}")
        for artist in (*lines, counter, *(picture.endings if last == longest else ())):
            figure.draw_artist(artist)
        yield image_of(figure)
    counter.remove()


def _grow(trail: Trail, last: int) -> None:
    """Show a path's first ``last`` updates."""
    seen = trail.positions[: last + 1]
    trail.line.set_data(*seen.T)
    trail.dots.set_data(*seen[:: trail.every].T)
    trail.head.set_data(*seen[-1:].T)


def _write_gif(images: list[Image.Image], path: Path) -> None:
    """Write frames in the colours of the last, which has all that there are; Pillow leaves out what did not change."""
    last = in_few_colours(images[-1], COLOURS)
    first, *others = [image.quantize(palette=last, dither=Image.Dither.NONE) for image in images]
    durations = [MILLIS] * len(others) + [int(1000 * STILL)]
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0, optimize=True, palette=last.palette)


def _write_mp4(images: list[Image.Image], path: Path) -> None:
    rate = 1000 / MILLIS
    width, height = (side // 2 * 2 for side in images[0].size)  # the codec wants even sides
    still = [images[-1]] * round(STILL * rate)
    command = ["ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
               "-r", f"{rate:.3f}", "-i", "-", "-pix_fmt", "yuv420p", str(path)]  # fmt: skip
    raw = b"".join(image.crop((0, 0, width, height)).tobytes() for image in (*images, *still))
    done = subprocess.run(command, input=raw, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ffmpeg could not write {path.name}: {done.stderr.decode(errors='replace').strip()[-200:]}")
