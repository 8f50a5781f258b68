"""Profiles as ``go tool pprof`` reads them."""
