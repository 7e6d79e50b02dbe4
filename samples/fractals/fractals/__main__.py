"""`python -m fractals` is `fractals`."""

from fractals.cli import main

main(prog_name="fractals")
