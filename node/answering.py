"""What a node answers with, over one store: heads, pins, a cache and the engine."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.invoker.cache import AnswerCache
from cluster.invoker.heads import Heads
from cluster.invoker.invoker import Checks, Invoker
from cluster.invoker.local import LocalAnswers
from cluster.invoker.pins import Pins
from cluster.invoker.warm_up import WarmUp
from engine.catalog import SchemaCatalog
from node.settings import NodeSettings
from storage.base import Storage


@dataclass(frozen=True, slots=True)
class Answering:
    """The parts that all requests of a node share."""

    storage: Storage
    pins: Pins
    local: LocalAnswers
    warm_up: WarmUp

    @classmethod
    def over(cls, storage: Storage, settings: NodeSettings) -> Answering:
        """New ones, with empty caches."""
        heads = Heads(storage)
        pins = Pins(heads, SchemaCatalog(storage, settings.schema_cache_entries))
        cache = AnswerCache(max_bytes=settings.answer_cache_bytes, max_entries=settings.answer_cache_entries)
        return cls(storage, pins, LocalAnswers(storage, heads, pins, cache), WarmUp(cache, heads))

    def invoker(self, checks: Checks | None = None) -> Invoker:
        """The invoker in front. checks: who answers checks, if it is not this node alone."""
        return Invoker(self.storage, self.pins, self.local, checks or self.local)
