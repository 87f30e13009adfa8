"""Errors of the launcher; each message says what happened and what to do."""


class StackError(Exception):
    """The launcher prints this and exits with code 1."""


class AlreadyRunning(StackError):
    """Another launcher uses the same data folder."""


class NothingRuns(StackError):
    """There is no running stack for `exec`."""


class NoPortLeft(StackError):
    """Every port that servers are started on is in use."""


class PortTaken(StackError):
    """The port of the gateway is in use."""


class SettingRefused(StackError):
    """An unknown setting, or an invalid value."""


class BinaryUnusable(StackError):
    """A server is missing or does not run on this machine."""


class CommandUnusable(StackError):
    """The command of `exec` cannot be executed."""


class StartFailed(StackError):
    """A process ended or did not become ready; the message closes with the end of its log."""
