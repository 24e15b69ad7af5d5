"""The tree of errors, and what each makes the engine do.

QuorateError
├── RulebookError      refuse to start (or keep the last good rulebook)
├── TapeError          refuse to run; the data is not usable
├── PluginError        switch the plugin off and say so
├── WorkspaceError     refuse to start; the folder or its settings are wrong
├── JournalError       refuse to start, or stop: nothing is sent unrecorded
└── VenueError         refuse to start; the venue cannot do what was asked
    └── NoAnswer       ask again; the venue did not answer, so nothing is known
"""


class QuorateError(Exception):
    """Anything quorate reports to a user; the message says what, where, what to do."""


class RulebookError(QuorateError):
    """The rules cannot be used. The engine does not start with them."""


class TapeError(QuorateError):
    """Recorded market data cannot be used. The run does not start."""


class PluginError(QuorateError):
    """A plugin cannot be used. It is left out, listed with its fault."""


class WorkspaceError(QuorateError):
    """The workspace or its settings are wrong. The command does not start."""


class JournalError(QuorateError):
    """The journal cannot be used. Nothing is sent that cannot be recorded."""


class VenueError(QuorateError):
    """The venue cannot do what was asked of it. The run does not start."""


class NoAnswer(VenueError):  # noqa: N818 - what happened, not what was done wrong
    """A question to the venue got no clear answer. Nothing follows from it."""
