"""
Writes one media file of tone-coded talk and, beside it, its script as JSON.

`python -m tests.simulator.make /tmp/talk.mp4 --seconds 600`
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from tests.simulator.beds import BEDS
from tests.simulator.media import render
from tests.simulator.script import talk, talk_without_pauses


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--seconds", default=600.0, help="Length.")
@click.option("--seed", default=0, help="Another seed, another talk.")
@click.option("--bed", type=click.Choice(sorted(BEDS)), default="clean", help="What lies under the words.")
@click.option("--no-pauses", is_flag=True, help="No two words more than 0.09 s apart.")
@click.option("--audio-start", default=0.0, help="Seconds by which the audio starts after the picture.")
@click.option("--rate", default=48_000, help="Sample rate of the file in Hz.")
@click.option("--channels", default=2, help="Channels of the file, all alike.")
def main(
    *,
    path: Path,
    seconds: float,
    seed: int,
    bed: str,
    no_pauses: bool,
    audio_start: float,
    rate: int,
    channels: int,
) -> None:
    """Write PATH (.wav .flac .mp3 .m4a .mp4 .mov .mkv) and its script as PATH.json."""
    lead_in = audio_start + 0.5
    make = talk_without_pauses if no_pauses else talk
    script = make(seconds, seed, lead_in=lead_in)
    render(script, path, bed=BEDS[bed], audio_start=audio_start, sample_rate_hz=rate, channels=channels)
    path.with_name(path.name + ".json").write_text(json.dumps(script.to_json()))
    click.echo(f"{path}: {len(script.words)} words, {len(script.silences())} silences of 0.3 s or more")


if __name__ == "__main__":
    main()
