"""A service plugin: each method is a syscall for agents, over HTTP and in the CLI."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from llmagentos import Host, Interface, syscall


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The weather of one day."""

    city: str
    #: Degrees Celsius.
    high: float
    low: float


class Weather(Interface, name="weather"):
    """Forecasts from a table of climate means; a real one would ask a weather service."""

    async def setup(self, host: Host) -> None:
        self._means = {"oslo": (9.9, 2.4), "cairo": (28.3, 16.9)}
        self._means |= host.config.get("cities", {})

    @syscall(idempotent=True)
    async def forecast(self, city: str) -> Forecast:
        """Return the mean high and low of a city."""
        high, low = self._means.get(city.lower(), (15.0, 7.0))
        return Forecast(city=city, high=high, low=low)

    @syscall(stream=True, idempotent=True)
    async def week(self, city: str) -> AsyncIterator[Forecast]:
        """Yield a forecast for each of the next seven days."""
        for _ in range(7):
            yield await self.forecast(city)
