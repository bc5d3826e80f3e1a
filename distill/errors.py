"""Exceptions and warnings that are shown to the user on one line instead of a traceback."""

import signal


class UserError(ValueError):
    """A mistake in the user's input: exit status 2."""


class RecipeWarning(UserWarning):
    """A setting that works against the recipe's own aim, or differs from those that a run was started with."""


class RunError(RuntimeError):
    """A run that cannot go on, although there is no mistake in the user's input: exit status 1."""


class Stopped(BaseException):
    """A signal asked a run to stop: exit status 128 + the signal's number, as in a shell.

    Attributes:
        signal: The signal's number.
        between_steps: Whether all processes stopped between the same two optimiser steps.
        message: Where the run stopped and how to continue it, for the user.
    """

    def __init__(self, number: int, between_steps: bool = False) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.signal = number
        self.between_steps = between_steps
        self.message = ""
