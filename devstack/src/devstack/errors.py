"""Why a stack cannot start or go on; each message tells a person what happened and what to do."""


class StackError(Exception):
    """The launcher says this and ends with exit code 1."""


class AlreadyRunning(StackError):
    """Another launcher uses the same data folder."""


class NothingRuns(StackError):
    """There is no running stack to run something beside."""


class NoPortLeft(StackError):
    """Every port that servers are started on is in use."""


class PortTaken(StackError):
    """Something else listens where the gateway should."""


class SettingRefused(StackError):
    """Nobody has such a setting, or not with this value."""


class BinaryUnusable(StackError):
    """A server is missing or does not run on this machine."""


class CommandUnusable(StackError):
    """What should run beside the stack does not run."""


class StartFailed(StackError):
    """A process ended or did not become ready; the message closes with the end of its log."""
