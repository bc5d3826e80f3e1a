"""The exceptions and warnings that are shown to the user as a line instead of a traceback."""

import signal


class UserError(ValueError):
    """A mistake in what the user gave: exit status 2."""


class RecipeWarning(UserWarning):
    """A setting that works against the recipe's own aim, or against what a run was begun with."""


class RunError(RuntimeError):
    """A run that can't go on, though nothing was wrong with what the user gave: exit status 1."""


class Stopped(BaseException):
    """The user, or the machine, asked a run to stop: exit status 128 + the signal's number, as a shell has it.

    Attributes:
        signal: which signal it was.
        between_steps: all processes stopped between the same two optimiser steps.
        message: what became of the run.
    """

    def __init__(self, number: int, between_steps: bool = False) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.signal = number
        self.between_steps = between_steps
        self.message = ""
