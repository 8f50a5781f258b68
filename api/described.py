"""What a request is about, as the span of its call tells it; ids may stand in traces."""

from __future__ import annotations

from google.protobuf.message import Message

from model.check import CheckRequest
from telemetry.spans import Span


def describe(span: Span, request: Message | CheckRequest) -> None:
    """Note what a request is about; a field it does not have, or leaves empty, is left out."""
    if isinstance(request, CheckRequest):
        _describe_check(span, request)
        return
    if tenant := getattr(request, "tenant_id", ""):
        span.note("ringward.tenant", tenant)
    for name in ("entity_type", "permission"):
        if text := getattr(request, name, ""):
            span.note(f"ringward.{name}", text)
    if items := getattr(request, "items", ()):
        span.note("ringward.questions", len(items))


def _describe_check(span: Span, request: CheckRequest) -> None:
    question = request.questions[0]
    span.note("ringward.tenant", request.tenant)
    span.note("ringward.entity", str(question.entity))
    span.note("ringward.permission", question.permission)
    span.note("ringward.subject", str(question.subject))
