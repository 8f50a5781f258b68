"""What nodes of a cluster ask each other, by version."""
