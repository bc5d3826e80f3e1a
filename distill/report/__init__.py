"""Evaluations side by side: page, tables and figures. It reads the files of `distill evaluate` and needs no model."""
