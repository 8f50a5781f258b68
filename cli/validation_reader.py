"""Reading validation files: everything that is wrong with one is told at once, with line and path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from cli.documents import Document, UnusableFile, is_web_address, read_beside, read_document
from cli.field_reader import Field, FieldReader
from cli.located_yaml import Plain, YamlMap, YamlNode, plain, read_yaml
from cli.validation_file import (
    Case,
    CheckCase,
    EntityFilterCase,
    Lines,
    Scenario,
    SubjectFilterCase,
    SubjectReference,
    ValidationFile,
)
from model.attributes import Attribute
from model.check import NO_CONTEXT, Context
from model.errors import InvalidRequest
from model.tuples import EntityRef, RelationTuple, SubjectRef

DEFAULT_DEPTH = 100
LEAST_DEPTH = 3

T = TypeVar("T")


def read_validation_file(document: Document) -> ValidationFile:
    """The file a document holds. Raises UnusableFile with everything that is wrong with it, each with its line."""
    return _FileReader(document, FieldReader(document.place)).read(_parse(document))


def schema_of(document: Document) -> str:
    """The schema text in a validation file or in a file that is nothing but schema. Raises UnusableFile."""
    try:
        root = _parse(document)
    except UnusableFile:
        return document.text
    if not (isinstance(root, YamlMap) and "schema" in root.entries):
        return document.text
    fields = FieldReader(document.place)
    schema = _resolve_schema(document, fields.text(Field("schema", root.entries["schema"])))
    if fields.problems:
        raise UnusableFile(*fields.problems)
    return schema


def _parse(document: Document) -> YamlNode:
    try:
        return read_yaml(document.text, name=document.place)
    except InvalidRequest as error:
        raise UnusableFile(str(error)) from error


def _resolve_schema(document: Document, text: str) -> str:
    """The schema itself, if it is not rather the address or path of one."""
    if is_web_address(text.strip()):
        return read_document(text.strip()).text
    looks_like_a_path = text.strip() and "\n" not in text.strip() and "{" not in text
    return read_beside(document, text.strip()).text if looks_like_a_path else text


class _FileReader:
    def __init__(self, document: Document, fields: FieldReader) -> None:
        self._document = document
        self._fields = fields

    def read(self, root: YamlNode) -> ValidationFile:
        sections = self._fields.section(Field("", root), ("schema", "relationships", "attributes", "scenarios"))
        file = ValidationFile(
            schema=self._schema(Field("", root), sections.get("schema")),
            relationships=self._parsed_items(sections.get("relationships"), RelationTuple.parse),
            attributes=self._parsed_items(sections.get("attributes"), Attribute.parse),
            scenarios=tuple(self._scenario(field) for field in self._fields.items(sections.get("scenarios"))),
        )
        if self._fields.problems:
            raise UnusableFile(*self._fields.problems)
        return file

    def _schema(self, root: Field, field: Field | None) -> str:
        if field is None:
            self._fields.complain(root, "schema is missing")
            return ""
        try:
            return _resolve_schema(self._document, self._fields.text(field))
        except UnusableFile as error:
            self._fields.complain(field, str(error))
            return ""

    def _parsed_items(self, field: Field | None, parse: Callable[[str], T]) -> tuple[T, ...]:
        parsed = [self._fields.parsed(item, parse) for item in self._fields.items(field)]
        return tuple(value for value in parsed if value is not None)

    def _scenario(self, field: Field) -> Scenario:
        kinds: dict[str, Callable[[Field], Case | None]] = {
            "checks": self._check,
            "entity_filters": self._entity_filter,
            "subject_filters": self._subject_filter,
        }
        sections = self._fields.section(field, ("name", "description", *kinds))
        cases = [read(item) for kind, read in kinds.items() for item in self._fields.items(sections.get(kind))]
        name, description = (self._optional_text(sections.get(key)) for key in ("name", "description"))
        return Scenario(name or field.path, description, tuple(case for case in cases if case is not None))

    def _optional_text(self, field: Field | None) -> str:
        return self._fields.text(field) if field is not None else ""

    def _check(self, field: Field) -> CheckCase | None:
        sections = self._fields.section(field, ("entity", "subject", "depth", "context", "assertions"))
        entity = self._fields.required(field, sections.get("entity"), "entity", EntityRef.parse)
        subject = self._fields.required(field, sections.get("subject"), "subject", SubjectRef.parse)
        assertions = self._assertions(field, sections.get("assertions"), self._fields.truth)
        depth, context = self._depth(sections.get("depth")), self._context(sections.get("context"))
        lines = _lines(sections.get("assertions"))
        return CheckCase(entity, subject, assertions, depth, context, lines) if entity and subject else None

    def _entity_filter(self, field: Field) -> EntityFilterCase | None:
        sections = self._fields.section(field, ("entity_type", "subject", "depth", "context", "assertions"))
        entity_type = self._fields.required(field, sections.get("entity_type"), "entity_type", str)
        subject = self._fields.required(field, sections.get("subject"), "subject", SubjectRef.parse)
        assertions = self._assertions(field, sections.get("assertions"), self._ids)
        depth, context = self._depth(sections.get("depth")), self._context(sections.get("context"))
        lines = _lines(sections.get("assertions"))
        if not (entity_type and subject):
            return None
        return EntityFilterCase(entity_type, subject, assertions, depth, context, lines)

    def _subject_filter(self, field: Field) -> SubjectFilterCase | None:
        sections = self._fields.section(field, ("subject_reference", "entity", "depth", "context", "assertions"))
        entity = self._fields.required(field, sections.get("entity"), "entity", EntityRef.parse)
        reference = self._fields.required(
            field, sections.get("subject_reference"), "subject_reference", SubjectReference.parse
        )
        assertions = self._assertions(field, sections.get("assertions"), self._ids)
        depth, context = self._depth(sections.get("depth")), self._context(sections.get("context"))
        lines = _lines(sections.get("assertions"))
        return SubjectFilterCase(entity, reference, assertions, depth, context, lines) if entity and reference else None

    def _assertions(self, section: Field, field: Field | None, read: Callable[[Field], T | None]) -> dict[str, T]:
        entries = self._fields.entries(field) if field is not None else {}
        if not entries:
            self._fields.complain(section, "assertions are missing, so nothing would be checked")
        values = {permission: read(entry) for permission, entry in entries.items()}
        return {permission: value for permission, value in values.items() if value is not None}

    def _ids(self, field: Field) -> frozenset[str]:
        return frozenset(self._fields.text(item) for item in self._fields.items(field))

    def _depth(self, field: Field | None) -> int:
        depth = self._fields.integer(field) if field is not None else 0
        if field is not None and depth is not None and depth != 0 and depth < LEAST_DEPTH:
            self._fields.complain(field, f"expected 0 (meaning {DEFAULT_DEPTH}) or at least {LEAST_DEPTH}, got {depth}")
        return depth or DEFAULT_DEPTH

    def _context(self, field: Field | None) -> Context:
        if field is None:
            return NO_CONTEXT
        sections = self._fields.section(field, ("tuples", "attributes", "data"))
        return Context(
            tuples=self._parsed_items(sections.get("tuples"), RelationTuple.parse),
            attributes=self._parsed_items(sections.get("attributes"), Attribute.parse),
            data=self._data(sections.get("data")),
        )

    def _data(self, field: Field | None) -> Mapping[str, Plain]:
        data = plain(field.node) if field is not None else {}
        if field is not None and not isinstance(data, dict):
            self._fields.complain(field, "expected keys with values")
        return data if isinstance(data, dict) else {}


def _lines(assertions: Field | None) -> Lines:
    return assertions.node.lines if assertions is not None and isinstance(assertions.node, YamlMap) else {}
