"""Progress on a terminal, and the line that remains when a file is done."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bars

from audio_tools.events import Event, Progress
from audio_tools.transcript import Json, Transcript

PLAIN_STEP = 10.0
"""Where there is no terminal, a line is printed every so many percent."""


class ProgressLine:
    """A bar with stage, percent of the audio, chunks done and time left; plain lines without a terminal."""

    def __init__(self, name: str) -> None:
        self._console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[chunks]}"),
            TextColumn("{task.fields[eta]}"),
            console=self._console,
            transient=True,
        )
        self._name = name
        self._task = self._bars.add_task(name, total=100.0, chunks="", eta="")
        self._next_line = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def show(self, event: Event) -> None:
        """Take what happened; see `events.Publish`."""
        if not isinstance(event, Progress):
            return
        chunks = f"{event.chunks_done}/{event.total_chunks} chunks" if event.total_chunks else ""
        eta = "" if event.eta_s is None else f"{_clock(event.eta_s)} left"
        if self._console.is_terminal:
            description = f"{self._name}: {event.stage}"
            self._bars.update(
                self._task, completed=event.progress, description=description, chunks=chunks, eta=eta
            )
        elif event.progress >= self._next_line:
            self._next_line = event.progress // PLAIN_STEP * PLAIN_STEP + PLAIN_STEP
            line = f"{self._name}: {event.stage} {event.progress:.0f} %  {chunks}  {eta}".rstrip()
            self._console.print(line, highlight=False, soft_wrap=True)


def progress_of(record: Json) -> Progress | None:
    """The progress in an event or a snapshot of a service, None if there is none."""
    if record.get("type") not in {"progress", "snapshot"}:
        return None
    return Progress(
        stage=record.get("stage") or "probe",
        progress=record["progress"],
        message=record["message"],
        chunks_done=record.get("chunksDone", 0),
        total_chunks=record.get("totalChunks", 0),
        eta_s=record.get("etaSeconds"),
    )


def summary(name: str, transcript: Transcript, taken_s: float) -> str:
    """What a transcript holds and cost, in one line; `taken_s` is the wall time in seconds."""
    usage = transcript.usage
    parts = [
        f"{_clock(transcript.duration)} of audio",
        f"{len(transcript.words)} words",
        f"{len(transcript.silences)} silences",
        f"{taken_s:.1f} s taken ({transcript.duration / max(taken_s, 1e-3):.0f}x realtime)",
        f"{usage.seconds:.0f} s sent to {transcript.engine} ({transcript.model})",
        f"about ${usage.cost_usd:.2f}",
    ]
    if usage.stored_chunks:
        parts.append(f"{usage.stored_chunks} of {transcript.total_chunks} chunks from the store")
    if transcript.success_rate < 100:
        parts.append(f"only {transcript.success_rate:g} % of the chunks succeeded")
    return f"{name}: " + ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
