"""The server's side of the Layers: a stack of untrained layers, and what is left of a signal behind each."""

from __future__ import annotations

from starlette.routing import Route

from nnreg.play import stacks
from nnreg.play.server import answered

routes = [Route("/api/layers", answered("layers", stacks.answer), methods=["POST"])]
