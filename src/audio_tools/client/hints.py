"""What to do about errors of the client, for programs and for the command line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hints:
    """What to do about each error; `{job}` and `{server}` are replaced."""

    unreachable: str
    foreign: str
    unauthorized: str
    unknown_job: str
    lost: str


PROGRAM = Hints(
    unreachable="Check the address, and that the service runs there.",
    foreign="Check that {server} is the address of an Audio Tools service.",
    unauthorized="Pass the API_TOKEN of the service as `token`.",
    unknown_job="`jobs()` lists the jobs.",
    lost="Call `wait` with the id of the job once the service runs again.",
)
"""Hints for those who write programs."""
COMMAND_LINE = Hints(
    unreachable="Start the service with `audio-tools serve`, or specify another one with --server.",
    foreign="Check that --server is the address of an Audio Tools service.",
    unauthorized="Pass the API_TOKEN of the service with --token, "
    "or set API_TOKEN in the environment or in .env.",
    unknown_job="`audio-tools jobs` lists the jobs.",
    lost="Once it is done, get its transcript with: audio-tools export {job} --server {server}",
)
"""Hints for users of commands."""
