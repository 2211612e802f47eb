"""The server's side of the Valley: surfaces, descents on them, and maps of where they arrive."""

from __future__ import annotations

from starlette.routing import Route

from nnreg.play import answers, arrivals, ground
from nnreg.play.server import answered

routes = [
    Route("/api/valley/ground", answered("valley", ground.shown_ground), methods=["POST"]),
    Route("/api/valley/descents", answered("valley", answers.answer), methods=["POST"]),
    Route("/api/valley/rate", answered("valley", arrivals.best_rate), methods=["POST"]),
    Route("/api/valley/rates", answered("rates", arrivals.rates), methods=["POST"]),
]
