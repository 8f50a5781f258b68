"""Tests of the stores beyond what tests/conformance asks of all of them."""
