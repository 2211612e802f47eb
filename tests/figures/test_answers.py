"""Pictures of what a network answers show what they are given, and no word lies on another."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.transforms import Bbox

from nnreg.figures.answers import Answers, boundary_figure, confusion_figure, fit_figure, weights_figure, worst_figure


def answers(count=3, rows=60, shape=None, names=None, features=2):
    rng = np.random.default_rng(1)
    truth = np.arange(rows) % count
    given = np.where(rng.random(rows) < 0.3, (truth + 1) % count, truth)
    shares = rng.dirichlet(np.ones(count), rows)
    names = names or [f"class {place}" for place in range(count)]
    return Answers("adam-he", "validation", rng.normal(size=(rows, features)), (), shape, truth, given, shares, names)


def texts(figure):
    """Return the words that are seen: no ticks beyond the limits of their axis."""
    figure.canvas.draw()
    found = list(figure.texts)
    for axes in figure.axes:
        found += [
            *axes.texts,
            axes.xaxis.label,
            axes.yaxis.label,
            *(axes.get_legend().get_texts() if axes.get_legend() else ()),
        ]
        for axis, place in ((axes.xaxis, 0), (axes.yaxis, 1)):
            low, high = sorted(axis.get_view_interval())
            found += [label for label in axis.get_ticklabels() if low <= label.get_position()[place] <= high]
    return [text for text in found if text.get_text()]


def overlapping(figure):
    """Return pairs of texts whose boxes share more than a sliver."""
    found = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    pairs = []
    for place, (one, box) in enumerate(found):
        for other, beside in found[place + 1 :]:
            shared = Bbox.intersection(box, beside)
            if shared is not None and shared.width > 1 and shared.height > 1:
                pairs.append((one, other))
    return pairs


@pytest.mark.parametrize("count", [2, 3, 10, 26])
def test_every_answer_is_counted_once_in_the_table(count):
    given = answers(count, rows=40 * count)
    figure = confusion_figure(given)
    (axes,) = figure.axes
    counts = [int(text.get_text().replace(",", "")) for text in axes.texts]
    assert sum(counts) == 40 * count
    right = sum(int(text.get_text()) for text in axes.texts if text.get_position()[0] == text.get_position()[1])
    assert right == int((given.truth == given.given).sum())
    assert overlapping(figure) == []


def test_long_names_of_classes_do_not_touch():
    names = [f"a class with the long name {place}" for place in range(8)]
    assert overlapping(confusion_figure(answers(8, names=names))) == []


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (4, 4, 3), None])
def test_the_surest_mistake_comes_first(shape):
    given = answers(shape=shape, features=int(np.prod(shape)) if shape else 5)
    figure = worst_figure(given)
    wrong = np.flatnonzero(given.truth != given.given)
    surest = wrong[given.shares[wrong, given.given[wrong]].argmax()]
    assert given.classes[given.given[surest]] in [text.get_text().partition(",")[0] for text in texts(figure)]
    assert overlapping(figure) == []


def test_where_nothing_is_wrong_no_mistakes_are_drawn():
    given = answers()
    right = Answers(**{**vars(given), "given": given.truth})
    assert worst_figure(right) is None


def test_the_plane_is_asked_point_by_point():
    asked = []
    figure = boundary_figure(answers(), lambda rows: asked.append(rows) or (rows[:, 0] > 0).astype(int))
    (rows,) = asked
    image = figure.axes[0].images[0].get_array()
    assert image.shape == (240, 240)
    assert (image[:, 0] == 0).all()  # the left edge is below 0, the right one above
    assert (image[:, -1] == 1).all()
    assert rows[:, 0].min() < answers().rows[:, 0].min()
    shapes = {tuple(map(tuple, dots.get_paths()[0].vertices.round(6))) for dots in figure.axes[0].collections}
    assert len(shapes) == len(figure.axes[0].collections), "classes are told apart without colours"
    assert overlapping(figure) == []


@pytest.mark.parametrize("outputs", [1, 2])
def test_values_stand_beside_the_line_of_equal_ones(outputs):
    rng = np.random.default_rng(0)
    truth = rng.normal(100, 20, (50, outputs))
    given = Answers("sgd-he", "test", truth, (), None, truth, truth + 1, None, (), ("price",) * outputs)
    figure = fit_figure(given)
    assert len(figure.axes) == outputs
    assert "predicted price" in figure.axes[0].get_ylabel()
    assert overlapping(figure) == []


@pytest.mark.parametrize(("shape", "units", "drawn"), [((8, 8), 12, 12), ((6, 5, 3), 100, 64)])
def test_each_unit_of_the_first_layer_is_a_picture(shape, units, drawn):
    figure = weights_figure("adam-he", np.random.default_rng(0).normal(size=(int(np.prod(shape)), units)), shape)
    assert len(figure.axes) == drawn
