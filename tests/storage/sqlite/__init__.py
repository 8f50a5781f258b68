"""What only the SQLite store promises: plans, crashes, faults, ownership of the file, cancellation."""
