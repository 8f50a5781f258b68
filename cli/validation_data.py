"""Holding a validation file's data against its own schema, to name all that does not fit before anything is loaded."""

from __future__ import annotations

from cli.documents import UnusableFile
from cli.validation_file import ValidationFile
from model.errors import InvalidRequest, NotFound
from schema.admission import admit_attribute, admit_tuple
from schema.compiler import compile_schema


def admit_data(file: ValidationFile) -> None:
    """Return if the schema admits every relationship and attribute of the file.

    Raises UnusableFile with a line for each that it does not, InvalidSchema for a faulty schema.
    """
    schema = compile_schema(file.schema)
    problems = []
    for relationship in file.relationships:
        try:
            admit_tuple(schema, relationship)
        except (InvalidRequest, NotFound) as error:
            problems.append(f"relationship {relationship}: {error}")
    for attribute in file.attributes:
        try:
            admit_attribute(schema, attribute)
        except (InvalidRequest, NotFound) as error:
            problems.append(f"attribute {attribute}: {error}")
    if problems:
        raise UnusableFile(*problems)
