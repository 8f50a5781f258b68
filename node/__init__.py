"""The composition root: the only place that chooses classes and connects them."""
