"""Paths on contours: in one picture or in panels, cut where they are lost, growing in an animation."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from nnreg.engine.descent import descend, measure
from nnreg.errors import UserError
from nnreg.figures import FIGURES, animation
from nnreg.figures.surfaces import Ground, Paths, Track, draw_paths, visible
from nnreg.registry import palette
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.surfaces.beale import Beale
from nnreg_std.surfaces.quadratic import Quadratic
from tests.figures.runs import overlaps, run, runs, texts

GROUND = Ground("quadratic", Quadratic())


def descent(name="sgd", lr=0.2, *, arm="", steps=30, surface="quadratic", status="finished", **facts):
    path = descend({"sgd": SGD, "adam": Adam}[name](lr), Quadratic(), steps=steps)
    made = run(
        {"x": path[:, 0], "y": path[:, 1], "value": Quadratic().value(path)},
        arm=arm or f"{name} {lr:g}",
        status=status,
        optimizer=name,
        surface=surface,
        config={"task": "descend", "optimizer": {"name": name, "lr": lr}},
    )
    made.summary["metrics"]["descent/value"] = float(Quadratic().value(path[-1]))
    made.summary["diverged_at_step"] = facts.get("diverged_at")
    return made


def drawn(results, **spec):
    return FIGURES["paths"](results, spec, "Who gets there?")


def lines(axes, colour):
    return [line for line in axes.lines if line.get_color() == colour and line.get_linestyle() == "-"]


def test_a_path_is_drawn_as_it_was_recorded_in_its_technique_s_colour():
    one = descent("adam", 0.3)
    (line,) = lines(drawn(runs(one)).axes[0], palette.colour("optimizer", "adam"))
    np.testing.assert_array_equal(line.get_xdata(), one.history.series("x")[1])
    np.testing.assert_array_equal(line.get_ydata(), one.history.series("y")[1])


def test_start_and_minimum_are_marked():
    marks = {line.get_marker(): (line.get_xdata()[0], line.get_ydata()[0]) for line in drawn(runs(descent())).axes[0].lines}
    assert marks["s"] == (-7, 2)
    assert marks["*"] == (0, 0)


def test_the_figure_says_what_contours_marks_and_dots_mean_and_the_stability_limit():
    said = texts(drawn(runs(descent()), subtitle="lr .2", note="one study")).replace("\n", " ")
    for words in ("Who gets there?", "lr .2", "logarithm of f", "square: start, star: minimum", "30 updates, a dot for each"):
        assert words in said
    assert "lr < 2/L = 1." in said
    assert "One study." in said


def test_a_few_paths_share_a_picture_and_many_have_a_panel_each():
    few = drawn(runs(*(descent(lr=lr) for lr in (0.1, 0.2, 0.3))))
    many = drawn(runs(*(descent(lr=lr / 10) for lr in range(1, 8))))
    assert (len(few.axes), len(many.axes)) == (1, 7)
    assert len(drawn(runs(*(descent(lr=lr) for lr in (0.1, 0.2))), layout="panels").axes) == 2


def test_paths_are_listed_from_the_lowest_end_up_and_the_lost_come_last():
    made = [descent(lr=0.2), descent(lr=1.1, status="diverged", diverged_at=26), descent(lr=0.95)]
    said = texts(drawn(runs(*made)))
    assert said.index("sgd 0.95") < said.index("sgd 0.2") < said.index("sgd 1.1")
    assert "diverged at update 26" in said
    assert "1 of 3 diverged" in said.replace("\n", " ")


def test_a_lost_path_neither_stretches_the_window_nor_ends_inside_it():
    figure = drawn(runs(descent(lr=0.2), descent(lr=1.1, status="diverged", diverged_at=26, steps=900)))
    axes = figure.axes[0]
    assert axes.get_ylim()[1] < 5
    line = next(line for line in axes.lines if np.abs(line.get_ydata()).max() > 3 and line.get_linestyle() == "-")
    assert not axes.get_ylim()[0] < line.get_ydata()[-1] < axes.get_ylim()[1]
    assert np.abs(line.get_ydata()).max() < 1e4


@pytest.mark.parametrize("end", [(1e200, 1e200), (np.nan, 0.0), (np.inf, 1.0), (50.0, 0.0)])
def test_what_is_far_away_is_not_drawn_and_the_way_there_keeps_its_direction(end):
    path = np.array([[-7.0, 2.0], [-6.0, 1.0], end, [0.0, 0.0]])
    seen = visible(path, measure("quadratic", Quadratic()), 1.0)
    assert np.isfinite(seen).all()
    np.testing.assert_array_equal(seen[:2], path[:2])
    if np.isfinite(end).all():
        assert len(seen) == 3
        cut, whole = seen[2] - path[1], path[2] - path[1]
        np.testing.assert_allclose(cut / np.abs(cut).max(), whole / np.abs(whole).max())
    else:
        assert len(seen) == 2


def test_one_technique_has_its_colour_in_panels_and_its_shades_in_one_picture():
    made = runs(descent(lr=0.2), descent(lr=0.95), descent("adam", 0.3))
    panels, overlay = drawn(made, layout="panels"), drawn(made, layout="overlay")
    sgd, adam = (palette.colour("optimizer", name) for name in ("sgd", "adam"))
    assert [axes.lines[0].get_color() for axes in panels.axes] == [sgd, adam, sgd]  # who came lowest first
    colours = [
        line.get_color() for line in overlay.axes[0].lines if len(line.get_xdata()) == 31 and line.get_linestyle() == "-"
    ]
    assert len(set(colours)) == 3
    assert colours[2] == adam


def test_a_path_that_climbs_out_of_the_surface_does_not_stretch_the_window():
    figure = drawn(runs(descent(lr=0.2), descent(lr=1.05)))
    assert figure.axes[0].get_ylim()[1] < 5


def test_the_last_updates_can_stay_undrawn_as_in_the_source():
    figure = drawn(runs(descent(lr=0.95)), drop_last=1)
    (line,) = lines(figure.axes[0], palette.colour("optimizer", "sgd"))
    assert len(line.get_xdata()) == 30
    assert "29 updates (1 more made)" in texts(figure).replace("\n", " ")


def test_several_surfaces_have_panels_of_their_own():
    tracks = [Track(name, "#0072B2", np.array([start]), 1.0, surface=number) for number, (name, start) in enumerate(
        (("a", (-7.0, 2.0)), ("b", (1.0, 1.0))))]  # fmt: skip
    figure = draw_paths(tracks, [GROUND, Ground("beale", Beale())], "?").figure
    assert len({axes.get_xlim() for axes in figure.axes}) == 2
    with pytest.raises(UserError, match="use layout: panels"):
        draw_paths(tracks, [GROUND, Ground("beale", Beale())], "?", Paths(layout="overlay"))


def test_names_of_many_paths_in_one_picture_never_overlap():
    made = [descent(lr=lr / 20, arm=f"sgd with a rate of {lr}/20") for lr in range(1, 16)]
    figure = drawn(runs(*made), layout="overlay")
    figure.canvas.draw()
    assert not overlaps(figure.texts)


@pytest.mark.parametrize(
    "positions", [[(0.0, 0.0)], [(-7.0, 2.0)] * 5, [(50.0, 50.0), (60.0, 60.0)], [(-7.0, 2.0), (1e300, 0.0)]]
)
def test_poor_paths_can_be_drawn_and_animated_too(positions, tmp_path):
    picture = draw_paths([Track("sgd", "#0072B2", np.array(positions), None)], [GROUND], "?")
    animation.animate(picture, tmp_path / "path.gif")
    with Image.open(tmp_path / "path.gif") as file:
        assert file.format == "GIF"


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"layout": "grid"}, "layout must be overlay or panels, got grid"),
        ({"xlim": [3, 1]}, "xlim must be two numbers"),
        ({"drop": 1}, "a figure of kind paths has no 'drop'"),
    ],
)
def test_a_mistake_is_told_in_one_line(spec, complaint):
    with pytest.raises(UserError, match=complaint):
        drawn(runs(descent()), **spec)


def test_runs_of_another_task_are_refused():
    with pytest.raises(UserError, match="paths need runs with task=descend"):
        drawn(runs(run({"train/loss": [1.0]})))


def test_a_surface_can_be_seen_in_three_dimensions(tmp_path):
    for log in (False, True):
        figure = FIGURES["surface_3d"](runs(descent()), {"log": log, "azimuth": -30}, "What a valley!")
        figure.savefig(tmp_path / "figure.png")
        assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("x", "y")
        assert "What a valley!" in texts(figure)


@pytest.fixture
def growing(tmp_path):
    tracks = [
        Track(f"sgd {lr}", colour, descend(SGD(lr), Quadratic(), steps=200), 0.0)
        for lr, colour in ((0.9, "#0072B2"), (0.1, "#D55E00"))
    ]
    path = tmp_path / "path.gif"
    animation.animate(draw_paths(tracks, [GROUND], "Who gets there?"), path)
    return path


def coloured(image, colour):
    """Count the pixels of nearly one colour."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(np.asarray(image.convert("RGB"), dtype=int) - wanted).max(axis=-1) < 40).sum())


def test_in_an_animation_all_paths_grow_from_start_to_end(growing):
    with Image.open(growing) as file:
        sizes = []
        for frame in (0, 10, 30, file.n_frames - 1):
            file.seek(frame)
            sizes.append([coloured(file, colour) for colour in ("#0072B2", "#D55E00")])
    assert np.all(np.diff(np.sum(sizes, axis=1)) > 0)  # one may come to lie upon the other
    assert np.all(np.array(sizes[-1]) > 4 * np.array(sizes[0]))


def inked(image, words, figure):
    """Count the pixels that are not paper where some words stand."""
    box = words.get_window_extent()
    high = figure.bbox.height
    cut = image.convert("L").crop((int(box.x0), int(high - box.y1), int(box.x1) + 1, int(high - box.y0) + 1))
    return int((np.asarray(cut) < 200).sum())


@pytest.mark.parametrize("count", [1, 2])
def test_an_animation_tells_how_a_path_ended_at_its_end_alone_and_counts_updates(count):
    path = descend(SGD(0.9), Quadratic(), steps=50)
    tracks = [Track(f"sgd {place}", "#0072B2", path, 0.1) for place in range(count)]
    picture = draw_paths(tracks, [GROUND], "Who gets there?")
    before = list(picture.figure.texts)
    told, counted = [], []
    for image in animation.frames(picture):
        told.append(inked(image, picture.endings[0], picture.figure))
        counted.append([text.get_text() for text in picture.figure.texts if text not in before])
    assert len(picture.endings) == count
    assert not any(told[:-1])
    assert told[-1] > 20
    assert counted[0] == ["update 0 of 50"]
    assert counted[-1] == ["update 50 of 50"]
    assert picture.figure.texts == before
    assert all(words.get_visible() for words in picture.endings)


def test_panels_are_sorted_by_result_and_tell_their_rates():
    figure = drawn(runs(descent(lr=0.2), descent(lr=0.95), descent("adam", 0.3)), layout="panels")
    ends = [float(axes.get_title("right").removeprefix("f = ").replace("−", "-")) for axes in figure.axes]
    assert ends == sorted(ends)
    assert all(", lr " in axes.get_title("left") or "lr " in axes.get_title("left") for axes in figure.axes)


def test_the_star_lies_below_the_ends_of_paths():
    axes = drawn(runs(descent(lr=0.95))).axes[0]
    (star,) = (line for line in axes.lines if line.get_marker() == "*")
    heads = [line for line in axes.lines if line.get_marker() == "o"]
    assert all(star.get_zorder() < line.get_zorder() for line in heads)


def test_an_animation_is_small(growing):
    assert growing.stat().st_size < 300_000


def test_the_picture_is_whole_again_after_its_animation(tmp_path):
    picture = draw_paths([Track("sgd", "#0072B2", descend(SGD(0.9), Quadratic(), steps=50), 0.0)], [GROUND], "?")
    animation.animate(picture, tmp_path / "path.gif")
    assert len(picture.trails[0].line.get_xdata()) == 51


def test_an_mp4_without_ffmpeg_names_the_gif(monkeypatch):
    monkeypatch.setattr(animation.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"needs ffmpeg, which is not installed here: use animate=gif"):
        animation.check_animation("mp4")


def test_an_mp4_is_written_by_ffmpeg(monkeypatch, tmp_path):
    seen = {}

    def ffmpeg(command, **options):
        seen.update(options, command=command)
        return animation.subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(animation.shutil, "which", lambda name: "/usr/bin/ffmpeg")
    monkeypatch.setattr(animation.subprocess, "run", ffmpeg)
    picture = draw_paths([Track("sgd", "#0072B2", descend(SGD(0.9), Quadratic(), steps=5), 0.0)], [GROUND], "?")
    animation.animate(picture, tmp_path / "path.mp4")
    width, height = map(int, seen["command"][seen["command"].index("-s") + 1].split("x"))
    assert width % 2 == height % 2 == 0
    frames, rest = divmod(len(seen["input"]), 3 * width * height)
    assert rest == 0
    assert frames > 6
    assert seen["command"][-1] == str(tmp_path / "path.mp4")
