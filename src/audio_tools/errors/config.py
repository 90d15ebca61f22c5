"""A setting, an option or a request is wrong."""

from __future__ import annotations

from audio_tools.errors.base import AudioToolsError, shown


class ConfigError(AudioToolsError):
    """A setting is missing or wrong."""

    code, status, exit_code = "config_error", 400, 2


class InvalidOption(ConfigError):
    """An option has the wrong type or is out of range; one that is not `required` may be omitted."""

    code, restartable = "invalid_option", False

    def __init__(self, option: str, value: object, allowed: str, *, required: bool = False) -> None:
        super().__init__(
            f"Option {option} is {shown(value)}, but must be {allowed}.",
            hint=f"Set {option} to an allowed value{'' if required else ', or omit it'}.",
        )
        self.option, self.value, self.allowed = option, value, allowed

    def facts(self) -> dict[str, object]:
        return {"option": self.option, "value": self.value, "allowed": self.allowed}


class MalformedRequest(ConfigError):
    """The request does not have the required format."""

    code, restartable = "malformed_request", False


class PathRefused(ConfigError):
    """The path may not be used; the error is the same whether the file exists or not."""

    code, status = "path_refused", 403


class WebhookRefused(ConfigError):
    """The receiver of a job's messages may not be used."""

    code, restartable = "webhook_refused", False
