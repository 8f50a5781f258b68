"""Version 1: checks, asked many at a time."""
