"""Keeps passwords out of what Hydra writes: it copies all that was typed into every run folder."""

from __future__ import annotations

from collections.abc import Iterator

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from nnreg.recording.tracking_target import without_password

KEY = "tracking_uri"


class NoPasswords(Callback):
    """Hydra calls this before a run or a sweep, when nothing is written yet."""

    def on_run_start(self, config: DictConfig, **kwargs: object) -> None:
        """End the program if a password was typed."""
        refuse(config)

    def on_multirun_start(self, config: DictConfig, **kwargs: object) -> None:
        """End the program if a password was typed."""
        refuse(config)


def refuse(config: DictConfig) -> None:
    """Accept a configuration whose tracking_uri holds no password, or takes it from elsewhere: ``${oc.env:...}``.

    Raises:
        SystemExit: with the line for the person, as Hydra swallows all other exceptions of callbacks.
    """
    if any(without_password(text) != text for text in _typed(config)):
        raise SystemExit(
            f"nnreg: {KEY} holds a password, which would be copied into every run folder: put the whole address into the "
            "environment variable MLFLOW_TRACKING_URI, which is written nowhere"
        )


def _typed(config: DictConfig) -> Iterator[str]:
    node = OmegaConf.to_container(config, resolve=False)
    assert isinstance(node, dict)
    yield str(node.get(KEY))
    yield from (override for override in node["hydra"]["overrides"]["task"] if KEY in override)  # of a sweep
