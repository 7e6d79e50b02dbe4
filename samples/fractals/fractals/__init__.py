"""The Fractals app: it draws fractals, and keeps their pictures."""
