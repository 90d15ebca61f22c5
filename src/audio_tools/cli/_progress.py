"""Progress on a terminal, and the line that remains when a file is done."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bars

from audio_tools.cli._messages import counted
from audio_tools.events import Event, Progress
from audio_tools.transcript import Json, Transcript

LOCAL_ENGINE = "whisper"
PLAIN_STEP = 10.0
"""How far progress goes, in percent, before it is worth another line."""


class ProgressLine:
    """
    A bar with stage, percent of the audio, chunks done and time left.

    Without a terminal it is a line for each new stage, once the file is read, and every `PLAIN_STEP` percent.
    """

    def __init__(self, name: str) -> None:
        self._console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            TextColumn("{task.fields[eta]}"),
            console=self._console,
            transient=True,
        )
        self._name = name
        self._task = self._bars.add_task(name, total=100.0, detail="", eta="")
        self._next_line = PLAIN_STEP
        self._stage = ""

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
        detail = event.message
        if event.total_chunks:
            detail = f"{event.chunks_done}/{counted(event.total_chunks, 'chunk')}"
        eta = "" if event.eta_s is None else f"{_clock(event.eta_s)} left"
        title = f"{self._name}: {event.stage}"
        if self._console.is_terminal:
            self._bars.update(self._task, completed=event.progress, description=title, detail=detail, eta=eta)
        elif event.stage not in ("probe", self._stage) or event.progress >= self._next_line:
            self._next_line = event.progress // PLAIN_STEP * PLAIN_STEP + PLAIN_STEP
            line = f"{title} {event.progress:.0f} %  {detail}  {eta}".rstrip()
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
        self._stage = event.stage


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


def summary(name: str, transcript: Transcript, taken_s: float | None) -> str:
    """What a transcript holds and cost, in one line; `taken_s` is the wall time in seconds, if known."""
    usage = transcript.usage
    parts = [
        f"{_clock(transcript.duration)} of audio",
        counted(len(transcript.words), "word"),
        counted(len(transcript.silences), "silence"),
    ]
    if taken_s is not None:
        speed = transcript.duration / max(taken_s, 1e-3)
        parts.append(f"{taken_s:.1f} s taken ({_times(speed)} realtime)")
    parts += [
        f"{usage.seconds:.0f} s sent to {transcript.engine} ({transcript.model})",
        *_money(transcript),
    ]
    if usage.stored_chunks:
        parts.append(f"{usage.stored_chunks} of {counted(transcript.total_chunks, 'chunk')} from the store")
    if transcript.success_rate < 100:
        parts.append(f"only {transcript.success_rate:g} % of the chunks succeeded")
    return f"{name}: " + ", ".join(parts)


def prospect(name: str, estimate: Transcript) -> str:
    """What a dry run says that a job would send and cost, in one line."""
    usage = estimate.usage
    parts = [
        f"{_clock(estimate.duration)} of audio",
        f"about {counted(usage.calls, 'chunk')}",
        f"{usage.seconds:.0f} s to send to {estimate.engine} ({estimate.model})",
        *_money(estimate),
    ]
    return f"{name}: " + ", ".join(parts)


def _money(transcript: Transcript) -> list[str]:
    """What it costs; nothing is said of an engine of this machine."""
    usd = transcript.usage.cost_usd
    if transcript.engine == LOCAL_ENGINE:
        return []
    return [f"about ${usd:.4f}" if 0 < usd < 1 else f"about ${usd:.2f}"]


def _times(speed: float) -> str:
    """So many times as fast: `12x`, `0.4x`."""
    return f"{speed:.0f}x" if speed >= 1 else f"{speed:.1g}x"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
