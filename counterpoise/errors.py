"""Errors a person reads: one line that says what, where, what was expected, and what to do."""

from __future__ import annotations


class CounterpoiseError(Exception):
    """A failure with a remedy; the command line prints it as one line and exits 1.

    Args:
        message: what went wrong and where (the file, row or key; what was expected, what came).
        remedy: what the reader can do about it.
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message} — {remedy}" if remedy else message)

    def __reduce__(self) -> tuple[type[CounterpoiseError], tuple[str, str]]:
        return (type(self), (self.message, self.remedy))


class UsageError(CounterpoiseError):
    """The command, a flag or a config value is wrong; exits 2."""

    exit_code = 2


class DataError(CounterpoiseError):
    """An input file does not have the form it must have."""


class SourceError(CounterpoiseError):
    """A source could not be fetched or did not have its pinned hash."""


class UnreachableError(SourceError):
    """A source's mirrors could not be reached, or answered with an error that may pass: a later try may do better."""


class LicenceError(SourceError):
    """A source's licence must be accepted by a person first."""


class ModelError(CounterpoiseError):
    """A model folder, adapter or LoRA target is not what it must be."""


class StoreError(CounterpoiseError):
    """The artifact store cannot be read or written, or was written by a newer version."""


class LeakageError(CounterpoiseError):
    """A training row descends from a pair of the evaluation fold."""


class Stopped(CounterpoiseError):  # noqa: N818 - it is no fault
    """The process was asked to stop (SIGTERM, spot notice); what was done so far is kept."""


class TrainingStopped(Stopped):
    """Training was asked to stop; its last checkpoint is complete."""
