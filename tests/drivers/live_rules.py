"""The project's own rules and plugins, over a market that a world makes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from quorate.host.host import Host, open_host
from quorate.rulebook.rulebook import Rulebook, gather_sources, read_rulebook

ROOT = Path(__file__).parents[2]


@lru_cache(maxsize=1)
def own_host() -> Host:
    """Return the project's own plugins; they remember nothing themselves."""
    return open_host(None, installed=False)


@lru_cache(maxsize=4)
def own_rules(**params: str) -> Rulebook:
    """Return the default rulebook with other values of some params."""
    turned = tuple(params.items())
    sources, _ = gather_sources(ROOT / "rules", settings=turned, relative_to=ROOT)
    reading = read_rulebook(sources, own_host().facts, own_host().functions)
    assert reading.rulebook is not None, reading.errors
    return reading.rulebook


@dataclass
class View:
    """The market as it is in the world now."""

    world: Any

    def price(self, symbol: str) -> float | None:
        return float(self.world.exchange.prices[symbol])

    def peak(self, symbol: str, since_ms: int) -> float | None:
        return self.price(symbol)

    def column(self, symbol: str, name: str) -> float | None:
        told = {"data_age": 0.0, "confidence": self.world.confidence}
        return told.get(name, self.price(symbol) if name == "close" else None)

    def stretch_ms(self, symbol: str) -> int:
        return int(self.world.now_ms) if self.world.confidence > 0.75 else 0

    def shadow_stretch_ms(self, symbol: str) -> int:
        return int(self.world.now_ms) if self.world.confidence > 0.75 else 0

    def scores(self, symbol: str) -> dict[str, float]:
        return {"trend": 1.0}

    def stale(self, symbol: str) -> str:
        return ""
