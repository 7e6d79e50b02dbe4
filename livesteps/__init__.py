"""Guides whose every snippet and output was cut from a program that just ran."""

__version__ = "0.1.0"
