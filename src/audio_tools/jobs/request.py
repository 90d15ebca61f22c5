"""What a job is asked to do: its media file and its options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath

from audio_tools.options import Options
from audio_tools.transcript import Json


@dataclass(frozen=True, slots=True)
class JobRequest:
    """
    The media file and the options of a job.

    `stored` is its JSON form in the queue, and must not be modified. It is kept as it is, since other
    producers may add jobs with any data to Redis; a field of another type than expected counts as missing,
    and one that is not known is not shown to clients.
    """

    stored: Json

    @classmethod
    def for_upload(cls, upload_id: str, name: str, size: int, options: Options) -> JobRequest:
        """Return the request for an upload; `name` is the client's file name, `size` is in bytes."""
        return cls({"uploadId": upload_id, "fileName": name, "fileSize": size, "options": _json(options)})

    @classmethod
    def for_path(cls, path: Path, size: int, options: Options) -> JobRequest:
        """Return the request for a file of this machine of `size` bytes."""
        fields = {"path": str(path), "fileName": path.name, "fileSize": size}
        return cls(fields | {"options": _json(options)})

    @property
    def upload_id(self) -> str | None:
        """Id of the upload; None if the job uses a local file."""
        return self._text("uploadId")

    @property
    def path(self) -> str | None:
        """Path of the local file; the caller must check it before opening."""
        return self._text("path")

    @property
    def file_name(self) -> str | None:
        """The client's file name, else the name of the path, if there is one."""
        return self._text("fileName") or PurePath(self.path or "").name or None

    @property
    def options(self) -> Options:
        """
        The options of the job; unknown ones are ignored.

        Raises:
            InvalidOption: a value is not allowed. Options from clients are checked before they are stored.
        """
        return Options.parse(self.stored.get("options"))[0]

    @property
    def public(self) -> Json:
        """The documented fields for clients: without the path, with the name of its file."""
        size, options = self.stored.get("fileSize"), self.stored.get("options")
        fields = {
            "uploadId": self.upload_id,
            "fileName": self.file_name,
            "fileSize": size if type(size) is int and size >= 0 else None,
            "options": {name: value for name, value in options.items() if _is_flat(value)}
            if isinstance(options, dict)
            else None,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def is_for(self, size: int, options: Options) -> bool:
        """Whether the request names a file of this size in bytes and exactly these options."""
        return (self.stored.get("fileSize"), self.stored.get("options")) == (size, _json(options))

    def _text(self, field: str) -> str | None:
        value = self.stored.get(field)
        return value if isinstance(value, str) else None


def _is_flat(value: object) -> bool:
    """Whether a value is as those of options are; the depth of others may exceed what can be serialised."""
    items = value if isinstance(value, list) else [value]
    return not any(isinstance(item, list | dict) for item in items)


def _json(options: Options) -> Json:
    return options.model_dump(by_alias=True, exclude_none=True)
