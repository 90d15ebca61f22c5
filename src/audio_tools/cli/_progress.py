"""Progress on a terminal, and the summary of a finished file."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.text import Text

from audio_tools.cli._messages import columns, counted, printable
from audio_tools.engines.registry import ENGINES
from audio_tools.events import Event, Progress, Waiting
from audio_tools.transcript import Json, Transcript

SLOWEST = 0.01
"""Slower speeds are not shown as numbers."""
PLAIN_STEP = 10.0
"""How far progress goes, in percent, before it is worth another line outside a terminal."""
BAR_COLUMNS = 30


class ProgressLine:
    """
    The progress of a file: what is being done, and below it a bar with percent, time, speed and time left.

    The bar has the same width all the time. Without a terminal a line is printed for each new stage once
    the file has been read, and every `PLAIN_STEP` percent.
    """

    def __init__(self, name: str) -> None:
        self._console = Console(stderr=True, highlight=False)
        if self._console.is_terminal:
            self._console.width = columns()
        self._bars = _Bars(
            BarColumn(BAR_COLUMNS),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[speed]:>6}"),
            TextColumn("{task.fields[eta]:<14}"),
            console=self._console,
            transient=True,
        )
        self._name = printable(name)
        self._task: TaskID = self._bars.add_task(self._name, total=100.0, speed="", eta="")
        self._next_line = PLAIN_STEP
        self._stage = self._waiting_for = ""

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
        """Show a progress event, other events are ignored; see `events.Publish`."""
        if not isinstance(event, Progress):
            return
        eta = "" if event.eta_s is None else f"{clock(event.eta_s)} left"
        if self._console.is_terminal:
            speed = "" if event.speed is None else _times(event.speed)
            self._bars.title = f"{self._name}: {event.message}"
            self._bars.update(self._task, completed=event.progress, speed=speed, eta=eta)
        elif (
            event.stage not in ("probe", self._stage)
            or event.progress >= self._next_line
            or (event.waiting and event.waiting.code != self._waiting_for)
        ):
            self._next_line = event.progress // PLAIN_STEP * PLAIN_STEP + PLAIN_STEP
            line = f"{self._name}: {event.stage} {event.progress:.0f} %  {_detail(event)}  {eta}".rstrip()
            self._console.print(line, markup=False, soft_wrap=True)
        self._stage = event.stage
        self._waiting_for = event.waiting.code if event.waiting else ""


class _Bars(Bars):
    """A bar below a line of text that is cut to the width of the terminal."""

    title = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield Text(self.title, no_wrap=True, overflow="ellipsis")
        yield self.make_tasks_table(self.tasks)


def _detail(event: Progress) -> str:
    if event.waiting or not event.total_chunks:
        return event.message
    failed = f", {event.chunks_failed} failed" if event.chunks_failed else ""
    return f"{event.chunks_done}/{counted(event.total_chunks, 'chunk')}{failed}"


def progress_of(record: Json) -> Progress | None:
    """The progress in an event or a snapshot of a service; None for other events."""
    if record.get("type") not in {"progress", "snapshot"}:
        return None
    return Progress(
        stage=record.get("stage") or "probe",
        progress=record["progress"],
        message=record["message"],
        chunks_done=record.get("chunksDone", 0),
        chunks_failed=record.get("chunksFailed", 0),
        total_chunks=record.get("totalChunks", 0),
        eta_s=record.get("etaSeconds"),
        speed=record.get("speed"),
        waiting=Waiting.from_json(record["waiting"]) if record.get("waiting") else None,
    )


def summary(name: str, transcript: Transcript, taken_s: float | None) -> str:
    """What a transcript holds and cost, in one line; `taken_s` is the wall time, None if unknown."""
    usage = transcript.usage
    parts = [
        f"{clock(transcript.duration)} of audio",
        counted(len(transcript.words), "word"),
        counted(len(transcript.silences), "silence"),
    ]
    if taken_s is not None:
        speed = transcript.duration / max(taken_s, 1e-3)
        parts.append(f"took {taken_s:.1f} s ({_times(speed)} real time)")
    parts += [
        f"{usage.seconds:.0f} s sent to {transcript.engine} ({transcript.model})",
        *_money(transcript),
    ]
    if usage.stored_chunks:
        parts.append(f"{usage.stored_chunks} of {counted(transcript.total_chunks, 'chunk')} from the cache")
    if transcript.success_rate < 100:
        parts.append(f"only {transcript.success_rate:g} % of the chunks succeeded")
    return f"{name}: " + ", ".join(parts)


def prospect(name: str, estimate: Transcript) -> str:
    """The estimate of a dry run in one line: what would be sent, and the cost."""
    usage = estimate.usage
    parts = [
        f"{clock(estimate.duration)} of audio",
        f"about {counted(usage.calls, 'chunk')}",
        f"{usage.seconds:.0f} s to send to {estimate.engine} ({estimate.model})",
        *_money(estimate),
    ]
    return f"{name}: " + ", ".join(parts)


def _money(transcript: Transcript) -> list[str]:
    """The cost; nothing for a local engine."""
    usd = transcript.usage.cost_usd
    spec = ENGINES.get(transcript.engine)
    if spec is not None and spec.is_local:
        return []
    return [f"about ${usd:.4f}" if 0 < usd < 1 else f"about ${usd:.2f}"]


def _times(speed: float) -> str:
    """A speed relative to real time: `12x`, `0.4x`, `<0.01x`."""
    if speed < SLOWEST:
        return f"<{SLOWEST}x"
    return f"{speed:.0f}x" if speed >= 1 else f"{speed:.1g}x"


def clock(seconds: float) -> str:
    """A duration: `0:07`, `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
