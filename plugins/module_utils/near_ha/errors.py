"""The one error tree: what is wrong, and what to do next."""

from __future__ import annotations


class NearError(Exception):
    """A refusal that a person has to read.

    ``code`` is stable (JSON, exit paths, ``fail_json``); ``message`` names the thing and its
    value; ``hint`` says the next step. Only outermost layers turn it into an exit status.
    """

    code = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Message and hint as one line."""
        return f"{self.message}. {self.hint}" if self.hint else self.message


class BadConfig(NearError):
    """An option or a configuration file holds something that cannot work."""

    code = "bad_config"


class BadKey(NearError):
    """A key file is missing, unreadable, malformed, or not the key that was promised."""

    code = "bad_key"


class BadRecord(NearError):
    """A value in Consul is not what this version writes or understands."""

    code = "bad_record"


class ControlError(NearError):
    """The supervisor's control socket did not answer, or refused."""

    code = "control"


class ControlSilent(ControlError):
    """Somebody listens and has not answered: what was sent may have arrived."""


class ControlRefused(ControlError):
    """The supervisor answered that it will not, or cannot; ``status`` is that of HTTP."""

    code = "refused"

    def __init__(self, message: str, hint: str = "", status: int = 0) -> None:
        super().__init__(message, hint)
        self.status = status


class ConsulUnknown(NearError):
    """Consul could not be asked, or did not say."""

    code = "consul_unknown"


class ConsulRefused(NearError):
    """Consul said no: a token that it does not know, or one without the rights."""

    code = "consul_refused"


class Refused(NearError):
    """What was asked for cannot be, as the cluster is now. Nothing was changed."""

    code = "refused"


class SwitchoverFailed(NearError):
    """The request was taken on, and ended without the change."""

    code = "switchover_failed"


class NotYet(NearError):
    """The time to wait is over, and how it ends is not known."""

    code = "timeout"


class GuardError(NearError):
    """The guard could not be started, reached, or refused a request."""

    code = "guard"
