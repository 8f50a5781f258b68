"""An invoker over a store, as a node that is alone has it."""

from __future__ import annotations

from cluster.invoker.cache import AnswerCache
from cluster.invoker.heads import Heads
from cluster.invoker.invoker import Invoker
from cluster.invoker.local import LocalAnswers
from cluster.invoker.pins import Pins
from engine.catalog import SchemaCatalog
from storage.base import Storage


def lone_invoker(storage: Storage) -> Invoker:
    """Answers from the store, and from a cache of some megabytes."""
    heads = Heads(storage)
    pins = Pins(heads, SchemaCatalog(storage, 10))
    local = LocalAnswers(storage, heads, pins, AnswerCache(max_bytes=16 * 2**20, max_entries=10_000))
    return Invoker(storage, pins, local, local)
