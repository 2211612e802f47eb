"""What a page asks for is the configuration that its command line composes, and nothing beyond what a page may ask."""

import shlex

import pytest
from omegaconf import OmegaConf

from nnreg.cli.compose import compose
from nnreg.contracts import Activation
from nnreg.errors import UserError
from nnreg.play.configuration import Asked, plain_choices, told
from nnreg.play.trainings import PLACES, SETTINGS
from nnreg.registry import entries
from nnreg.runs.request import own_request, plain, request_of
from nnreg.settings import ACTIVATIONS, TRAIN


def asked(techniques=(), settings=(), task=TRAIN):
    chosen = {kind: {"name": name, "values": values} for kind, (name, values) in dict(techniques).items()}
    return Asked.read({"techniques": chosen, "settings": dict(settings)}, PLACES, SETTINGS, task)


def composed(words, folder):
    """Return the plain configuration that Hydra composes of a command line."""
    found = []

    def keep(config):
        request = own_request(request_of(config))
        found.append(plain(request.config, request.choices))
        return 0.0

    compose([*words, "hydra.output_subdir=null", f"hydra.run.dir={folder}", "hydra/job_logging=none"], keep)
    return found[0]


@pytest.mark.parametrize(
    "wanted",
    [
        asked(),
        asked({"dataset": ("spirals", {"classes": 2}), "optimizer": ("adam", {"lr": 0.05})}, {"hidden": [16, 8], "seed": 3}),
        asked({"optimizer": ("lookahead+adam", {"inner.lr": 0.02, "k": 3}), "dropout": ("dropout", {"rate": 0.25})}),
        asked({"init": ("normal", {"std": 0.3}), "schedule": ("cosine", {})}, {"steps": 77, "batch": 9, "clip_norm": 1.5}),
        asked({"activation": ("leaky_relu", {}), "init": ("glorot", {"mode": "fan_in"})}, {"patience": None}),
        asked({"bias": ("constant", {"value": 0.2})}),
        asked(
            {
                "optimizer": ("momentum", {}),
                "regularizer": ("l2", {"weight_decay": 0.01}),
                "vary.optimizer.momentum": ("cosine", {"end": 0.5}),
                "vary.regularizer.weight_decay": ("step", {}),
            }
        ),
        asked({"optimizer": ("lookahead+momentum", {}), "vary.optimizer.inner.momentum": ("exponential", {})}),
    ],
    ids=["plain", "knobs", "nested", "settings", "a choice of words", "biases", "numbers that vary", "one inside"],
)
def test_the_configuration_is_what_the_command_line_composes(wanted, project):
    config = wanted.config()
    words = shlex.split(wanted.command())
    assert words[:3] == ["python", "-m", "nnreg"]
    mine = plain(config, wanted.choices(config))
    theirs = composed(words[3:], project)
    assert {key: mine[key] for key in theirs} == theirs


def test_a_plain_run_is_read_from_the_configuration_that_hydra_reads():
    assert plain_choices()["bias"] == "zeros"
    assert set(plain_choices()) == set(entries.slots())


def test_the_command_of_a_stack_says_its_task():
    assert asked(task=ACTIVATIONS).command() == "python -m nnreg task=activations"


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"techniques": {"surface": {"name": "quadratic"}}}, "'surface' cannot be asked for here"),
        ({"techniques": {"vary.surface.noise": {"name": "cosine"}}}, "'vary.surface.noise' cannot be asked for here"),
        ({"techniques": {"vary.optimizer": {"name": "cosine"}}}, "'vary.optimizer' cannot be asked for here"),
        ({"techniques": {f"vary.optimizer.a{k}": {"name": "cosine"} for k in range(9)}}, "at most 8 numbers"),
        ({"techniques": {"optimizer": "adam"}}, "optimizer must be chosen by name"),
        ({"techniques": {"optimizer": {"name": "adam", "values": []}}}, "optimizer must be chosen by name"),
        ({"techniques": []}, "must be objects"),
        ({"settings": {"tracking_uri": "http://evil.example"}}, "'tracking_uri' cannot be asked for here"),
        ({"settings": {"hidden": [4] * 101}}, "1 to 100 layers"),
        ({"settings": {"hidden": [100_000]}}, "1 to 512 units"),
        ({"settings": {"hidden": [True]}}, "hidden must list"),
        ({"settings": {"hidden": []}}, "hidden must list"),
        ({"settings": {"steps": 10**9}}, "steps must be a whole number of at most 100,000"),
        ({"settings": {"batch": 2.5}}, "batch must be a whole number"),
        ({"settings": {"seed": "${oc.env:HOME}"}}, "seed must be"),
    ],
)
def test_what_a_page_may_not_ask_is_refused_in_one_line(said, complaint):
    with pytest.raises(UserError, match=complaint) as refused:
        Asked.read(said, PLACES, SETTINGS)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("techniques", "complaint"),
    [
        ({"optimizer": ("addam", {})}, "there is no optimizer 'addam'"),
        ({"optimizer": ("adam", {"speed": 1})}, "no parameter 'speed'"),
        ({"optimizer": ("adam", {"lr": {"name": "x"}})}, "must be a finite number"),
    ],
)
def test_a_technique_that_is_none_is_refused_when_it_is_looked_for(techniques, complaint):
    with pytest.raises(UserError, match=complaint):
        asked(techniques).config()


class Boom(Activation):
    """It raises."""

    def forward(self, z, out):
        raise OverflowError("too\nloud")

    def backward(self, dy, z, y, out):
        raise OverflowError("too loud")


@pytest.fixture
def boom():
    """An activation that raises, chosen by its name."""
    entries.register_class(Boom)
    yield "boom"
    entries._registered["activation"].pop("boom")


def test_what_a_technique_raised_is_told_beside_its_name(boom):
    wanted = asked({"activation": (boom, {})})
    with pytest.raises(OverflowError) as raised:
        Boom().forward(None, None)
    assert told(raised.value, wanted).startswith("activation 'boom'")
    assert "OverflowError: too loud" in told(raised.value, wanted)
    assert told(raised.value, asked()) == "OverflowError: too loud"
    assert told(UserError("as it is"), wanted) == "as it is"


def test_a_configuration_can_be_merged_and_written_like_any_other():
    assert "name: spirals" in OmegaConf.to_yaml(asked({"dataset": ("spirals", {})}).config())
