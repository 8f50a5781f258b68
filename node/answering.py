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
from storage.traced import Reads, TracedReads


@dataclass(frozen=True, slots=True)
class Answering:
    """The parts that all requests of a node share."""

    reads: Reads
    pins: Pins
    local: LocalAnswers
    warm_up: WarmUp
    cache: AnswerCache
    heads: Heads
    catalog: SchemaCatalog

    @classmethod
    def over(cls, storage: Storage, settings: NodeSettings, *, is_traced: bool = False) -> Answering:
        """New ones, with empty caches. is_traced: calls may be, and what is read for them is to be in their trace."""
        reads: Reads = TracedReads(storage) if is_traced else storage
        heads = Heads(reads)
        catalog = SchemaCatalog(storage, settings.schema_cache_entries)
        pins = Pins(heads, catalog)
        cache = AnswerCache(max_bytes=settings.answer_cache_bytes, max_entries=settings.answer_cache_entries)
        local = LocalAnswers(reads, heads, pins, cache)
        return cls(reads, pins, local, WarmUp(cache, heads), cache, heads, catalog)

    def invoker(self, checks: Checks | None = None) -> Invoker:
        """The invoker in front. checks: who answers checks, if it is not this node alone."""
        return Invoker(self.reads, self.pins, self.local, checks or self.local)
