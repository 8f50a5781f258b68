"""How we observe: logs. Knows no domain type."""
