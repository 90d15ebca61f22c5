"""`python -m tests.simulator`: the simulator as a process of its own; its first line is its base URL."""

from __future__ import annotations

import asyncio
import signal

import click

from tests.simulator.conduct import KINDS, Latency, at_random, no_faults
from tests.simulator.foreign import DIALECTS, Dialect
from tests.simulator.server import KEY, Simulator


@click.command()
@click.option("--port", default=0, help="0: any that is free.")
@click.option("--latency", default=0.0, help="Seconds that each answer takes at least.")
@click.option("--per-second", default=0.0, help="Seconds more for each second of audio.")
@click.option("--sigma", default=0.0, help="Spread of the lognormal factor on both.")
@click.option("--fault-probability", default=0.0, help="Part of the requests that fail.")
@click.option("--fault", "kinds", multiple=True, type=click.Choice(KINDS), help="How; repeat for several.")
@click.option("--requests-per-minute", default=10_000, help="What is taken before 429.")
@click.option("--dialect", type=click.Choice(DIALECTS), help="The server it plays, if not OpenAI's.")
@click.option("--key", "keys", multiple=True, default=(KEY,), help="Valid keys.")
@click.option("--seed", default=0, help="Of all chance.")
def main(
    *,
    port: int,
    latency: float,
    per_second: float,
    sigma: float,
    fault_probability: float,
    kinds: tuple[str, ...],
    requests_per_minute: int,
    dialect: Dialect | None,
    keys: tuple[str, ...],
    seed: int,
) -> None:
    """Run the simulator until it is interrupted or terminated."""
    chosen = [kind for kind in KINDS if kind in kinds] or KINDS
    asyncio.run(
        _serve(
            Simulator(
                port=port,
                latency=Latency(latency, per_second, sigma),
                faults=at_random(fault_probability, chosen, seed) if fault_probability else no_faults,
                requests_per_minute=requests_per_minute,
                dialect=dialect,
                keys=keys,
                seed=seed,
            )
        )
    )


async def _serve(simulator: Simulator) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with simulator:
        click.echo(simulator.base_url)
        await stop.wait()


if __name__ == "__main__":
    main()
