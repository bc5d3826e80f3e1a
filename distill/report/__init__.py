"""Evaluations side by side: the page, tables and figures. It reads what evaluations wrote and needs no model."""
