"""Lightning callbacks, each named for what it does."""

from distill.callbacks.export_student import ExportStudent

__all__ = ["ExportStudent"]
