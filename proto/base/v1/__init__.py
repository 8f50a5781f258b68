"""The contract's version 1: what clients speak."""
