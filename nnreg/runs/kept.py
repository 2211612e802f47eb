"""The network that a run ended with, built again from what its folder keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from nnreg.contracts import Array
from nnreg.engine.network import Network
from nnreg.engine.parts import RunParts, compose
from nnreg.engine.settling import arrays_of
from nnreg.errors import UserError, one_line
from nnreg.records.card import flattened, is_number
from nnreg.records.earlier import current_config
from nnreg.records.folder import NETWORK, SUMMARY, known_facts
from nnreg.records.network import NetworkCard, card_of, read_network
from nnreg.registry.building import build_technique, read_settings
from nnreg.registry.nested import is_node
from nnreg.runs.assembly import assemble, stack_network, with_added_kinds
from nnreg.runs.resume import saved_config
from nnreg.runs.trained import TrainedNetwork
from nnreg.settings import setting_names


class _Asked:
    """A network as MLflow asks one: ``mlflow.pyfunc.load_model("runs:/RUN/network").predict(rows)``."""

    def __init__(self, network: TrainedNetwork) -> None:
        self._network = network

    def predict(self, rows: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return what the network answers; see ``TrainedNetwork.predict``."""
        return self._network.predict(rows)


def _load_pyfunc(path: str) -> _Asked:
    """Load what ``log_model=true`` has logged; MLflow calls it with the file."""
    return _Asked(load(path))


MADE_OF = ("network", "activation", "norm", "dropout", "regularizer", "loss")
"""Kinds of which a network consists, some of them by the layers that they add."""


def load(run: str | Path | Any) -> TrainedNetwork:
    """Return the network that a run ended with.

    Args:
        run: its folder, a ``network.npz``, or what ``nnreg.run`` returned.

    Raises:
        UserError: there is none, or it cannot be read; one line that says why.
    """
    given = Path(getattr(run, "folder", run)).expanduser()
    file = given if given.is_file() else given / NETWORK
    if not file.exists():
        raise UserError(_why_none(given))
    try:
        arrays, card = read_network(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{file} is damaged or holds no network: {one_line(error)}") from error
    try:
        card = card or _card_anew(file)
        _check_sizes(card, arrays)
        network = _build(card, arrays, build_all(card.config))
    except UserError as error:
        raise UserError(f"{file} cannot be built: {error}") from error
    except Exception as error:  # what a stranger's file makes of techniques may raise anything
        raise UserError(f"{file} does not fit the network that it names: {one_line(error)}") from error
    return TrainedNetwork(network, card)


def _why_none(folder: Path) -> str:
    """Say why there is no network in a folder."""
    if not folder.exists():
        return f"there is no {folder}: name the folder of a run, such as one in runs/"
    facts = known_facts(folder)
    if not facts:
        runs = sorted(path.parent.name for path in folder.glob(f"*/{SUMMARY}"))
        inside = f"; it holds runs, name one of them, such as {folder / runs[0]}" if runs else ""
        return f"{folder} is not the folder of a run: it has no {SUMMARY}{inside}"
    status = str(facts["status"]).replace("_", " ")
    if facts.get("task", "train") != "train":
        return f"{folder} is of task={facts['task']}, which trains no network"
    if status == "finished":
        why = "it was removed, or the run is older than kept networks"
        return f"{folder} has no {NETWORK}: {why}; `python -m nnreg rerun {folder}` trains anew"
    return f"{folder} has no network: the run {'is still going on' if status == 'running' else f'ended as {status}'}"


def _card_anew(file: Path) -> NetworkCard:
    """Return the card of a network that an earlier version kept without one: its run's configuration and data say the same."""
    config = OmegaConf.create(saved_config(file.parent))
    label = str(known_facts(file.parent).get("label", file.parent.name))
    run = assemble(config, {str(slot): node["name"] for slot, node in config.items() if is_node(node)})
    return card_of(label, saved_config(file.parent), run.splits, answers_rows=run.answers_rows)


LONGEST = 100_000  # characters of the configuration of a run


def _check_sizes(card: NetworkCard, arrays: Mapping[str, Array]) -> None:
    """Refuse a card that speaks of more than its network can have, before anything is made of it."""
    config, hidden = card.config, list(card.config["hidden"])
    sizes = [value for _, value in flattened({"network": config.get("network") or {}}) if is_number(value)]
    most = max([card.features, card.outputs, *hidden, *map(abs, sizes)])
    total = sum(array.size for array in arrays.values())
    if most > total or len(hidden) > len(arrays):
        raise ValueError(f"it speaks of {len(hidden):,} layers and {most:,} units, and holds {total:,} numbers")
    if len(json.dumps(dict(config), default=str)) > LONGEST:
        raise ValueError("its configuration is longer than that of any run")


def build_all(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the techniques of which a network consists, built from a configuration, and the settings of its run."""
    config = with_added_kinds(OmegaConf.create(current_config(said)))
    settings = read_settings(OmegaConf.masked_copy(config, [key for key in setting_names() if key in config]))
    return {"settings": settings, **{kind: build_technique(config, {}, kind) for kind in MADE_OF}}


def _build(card: NetworkCard, arrays: Mapping[str, Array], made: Mapping[str, Any]) -> Network:
    """Return a network with these arrays; what it would be is compared with them before memory is taken for it."""
    settings = made["settings"]
    penalised = [made["regularizer"]] if getattr(made["regularizer"], "acts_on", "") == "outputs" else []
    parts = RunParts(settings.hidden, made["activation"], made["norm"], made["dropout"], card.shape, penalised)
    plan = compose(made["network"], parts, card.features, card.outputs)
    for shape in plan.shapes:
        found = arrays.get(shape.name)
        if found is None or found.shape != tuple(shape.shape):
            raise ValueError(f"{shape.name} {shape.shape} is wanted, there is {'none' if found is None else found.shape}")
    network = stack_network(settings, made, card.features, card.outputs, card.shape, rows=1)
    wanted = arrays_of(network)
    if wanted.keys() != arrays.keys():
        odd = ", ".join(sorted(wanted.keys() ^ arrays.keys())[:5])
        raise ValueError(f"its layers keep other arrays: {odd}")
    for name, array in arrays.items():
        if wanted[name].shape != array.shape:
            raise ValueError(f"{name} {wanted[name].shape} is wanted, there is {array.shape}")
        wanted[name][...] = array
    return network
