"""The one exception that is shown to the user as a line instead of a traceback."""


class UserError(ValueError):
    """A mistake in what the user gave: shown as one line, exit status 2."""
