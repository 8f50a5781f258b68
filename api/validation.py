"""Whether a request obeys the rules that its .proto file states.

The rules stand in the contract as ``validate.rules`` options. For each message type they are compiled, once, into a
row of checks, one small function for each thing that can be wrong; checking a request runs them in the order of the
field numbers and stops at the first failure. Parts below which no rule stands are never looked at.

Only the kinds of rule that the contract uses are understood. Any other is refused while compiling, since a rule that
is skipped in silence is a hole. Source: reference wire-api §4 and §6; the options are those of protoc-gen-validate.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message

from model.errors import InvalidRequest
from proto.validate import validate_pb2
from proto.validate.validate_pb2 import FieldRules, Int32Rules, RepeatedRules, StringRules, UInt32Rules

if TYPE_CHECKING:  # the stubs know what an extension extends and holds; at run time there is no such type
    from google.protobuf.descriptor_pb2 import FieldOptions, OneofOptions
    from google.protobuf.internal.extension_dict import _ExtensionFieldDescriptor

Check: TypeAlias = Callable[[Message], str | None]
"""Looks at one thing of a message: None if it is right, else the failure in the words clients read."""

Plans: TypeAlias = Mapping[Descriptor, Sequence[Check]]
"""The checks of every type with rules that a request can hold. While these are compiled the rows are still filling;
the checks keep the rows themselves, which is how a type may contain itself."""

_RULES = cast("_ExtensionFieldDescriptor[FieldOptions, FieldRules]", validate_pb2.rules)
_REQUIRED = cast("_ExtensionFieldDescriptor[OneofOptions, bool]", validate_pb2.required)

UNDERSTOOD = frozenset(
    {
        "message.required",
        "string.pattern",
        "string.max_bytes",
        "string.ignore_empty",
        "int32.gte",
        "uint32.gte",
        "uint32.ignore_empty",
        "repeated.min_items",
        "repeated.max_items",
        "repeated.items.message.required",  # holds by itself: a list in protobuf has no place for a missing message
    }
)
"""The kinds of rule the contract uses, as paths into ``validate.FieldRules``."""


def check_fields(message: Message) -> None:
    """Raise InvalidRequest for the first field, by number, that breaks a rule of the contract.

    The error reads ``invalid <Message>.<Field>: <what is wrong>`` with the field's name in Go's spelling, followed for
    a fault further down by `` | caused by: <the same for that part>``. Raises NotImplementedError if the type of the
    message, or of a part it could have, states a kind of rule that is not in UNDERSTOOD.
    """
    failure = _first_failure(message, _checks_of(message.DESCRIPTOR))
    if failure is not None:
        raise InvalidRequest(failure)


def _first_failure(message: Message, checks: Sequence[Check]) -> str | None:
    for check in checks:
        failure = check(message)
        if failure is not None:
            return failure
    return None


@cache
def _checks_of(request: Descriptor) -> Sequence[Check]:
    """The checks of a request type. Those of all its parts are compiled along, so an unknown rule shows at once."""
    plans: dict[Descriptor, list[Check]] = {
        part: [] for part in _parts(request) if any(_states_rules(below) for below in _parts(part))
    }
    for part, checks in plans.items():
        checks.extend(_compile(part, plans))
    return plans.get(request, ())


def _parts(root: Descriptor) -> Sequence[Descriptor]:
    """The type itself and all that its fields can hold, however deep; what is inside an Any cannot be known."""
    parts, seen = [root], {root}
    for part in parts:  # grows while it is walked
        for field in part.fields:
            if field.message_type is not None and field.message_type not in seen:
                seen.add(field.message_type)
                parts.append(field.message_type)
    return parts


def _states_rules(message: Descriptor) -> bool:
    stated_on = [message.GetOptions(), *(field.GetOptions() for field in message.fields)]
    return any(map(_rule_options, stated_on + [oneof.GetOptions() for oneof in message.oneofs]))


def _rule_options(options: Message) -> list[str]:
    names = (option.full_name for option, _ in options.ListFields())
    return [name for name in names if name.startswith("validate.")]


def _compile(message: Descriptor, plans: Plans) -> Iterator[Check]:
    if options := _rule_options(message.GetOptions()):
        raise NotImplementedError(f"{message.full_name}: {options}")
    for field in sorted(message.fields, key=lambda field: field.number):
        rules = _rules_of(field)
        yield from _value_checks(field, rules)
        yield from _part_checks(field, rules, plans)
    for oneof in message.oneofs:
        if oneof.GetOptions().Extensions[_REQUIRED]:
            yield _oneof_check(oneof)


def _rules_of(field: FieldDescriptor) -> FieldRules:
    rules = field.GetOptions().Extensions[_RULES]
    if unknown := set(_kinds(rules)) - UNDERSTOOD:
        raise NotImplementedError(f"{field.full_name}: rule {min(unknown)}")
    return rules


def _kinds(rules: Message) -> Iterator[str]:
    """The paths of the rules stated, ``string.pattern``; an empty group of rules counts as a rule, ``string``."""
    for option, value in rules.ListFields():
        below = list(_kinds(value)) if isinstance(value, Message) else []
        yield from (f"{option.name}.{kind}" for kind in below) if below else (option.name,)


def _value_checks(field: FieldDescriptor, rules: FieldRules) -> Iterator[Check]:
    match rules.WhichOneof("type"):
        case "string":
            yield _string_check(field, rules.string)
        case "int32":
            yield _minimum_check(field, rules.int32)
        case "uint32":
            yield _minimum_check(field, rules.uint32)
        case "repeated" if rules.repeated.HasField("min_items") or rules.repeated.HasField("max_items"):
            yield _count_check(field, rules.repeated)


def _oneof_check(oneof: OneofDescriptor) -> Check:
    name, failure = oneof.name, f"{_place(oneof)}: value is required"
    return lambda message: failure if message.WhichOneof(name) is None else None


def _string_check(field: FieldDescriptor, rules: StringRules) -> Check:
    value_of: Callable[[Message], str] = attrgetter(field.name)
    limit_bytes = rules.max_bytes if rules.HasField("max_bytes") else sys.maxsize
    matches = _re2(rules.pattern).search
    too_long = f"{_place(field)}: value length must be at most {limit_bytes} bytes"
    mismatch = f"{_place(field)}: value does not match regex pattern {json.dumps(rules.pattern)}"
    may_be_empty = rules.ignore_empty

    def check(message: Message) -> str | None:
        value = value_of(message)
        if may_be_empty and not value:
            return None
        if len(value.encode()) > limit_bytes:
            return too_long
        return None if matches(value) else mismatch

    return check


def _re2(pattern: str) -> re.Pattern[str]:
    r"""The pattern as RE2 reads it: ``$`` is the very end, not also before a last newline; ``\w`` and ``\d`` are ASCII.

    Raises NotImplementedError for a ``$`` anywhere but at the end, where it would need a closer look.
    """
    anchored = pattern.endswith("$") and not pattern.endswith(r"\$")
    body = pattern.removesuffix("$") if anchored else pattern
    if "$" in body:
        raise NotImplementedError(f"$ inside of a pattern: {pattern}")
    return re.compile(body + r"\Z" if anchored else body, re.ASCII)


def _minimum_check(field: FieldDescriptor, rules: Int32Rules | UInt32Rules) -> Check:
    value_of: Callable[[Message], int] = attrgetter(field.name)
    minimum, may_be_zero = rules.gte, rules.ignore_empty
    failure = f"{_place(field)}: value must be greater than or equal to {minimum}"

    def check(message: Message) -> str | None:
        value = value_of(message)
        return None if value >= minimum or (may_be_zero and value == 0) else failure

    return check


def _count_check(field: FieldDescriptor, rules: RepeatedRules) -> Check:
    if not rules.HasField("min_items"):
        raise NotImplementedError(f"{field.full_name}: rule repeated.max_items without min_items")
    items_of: Callable[[Message], Sequence[object]] = attrgetter(field.name)
    fewest, most = rules.min_items, rules.max_items if rules.HasField("max_items") else sys.maxsize
    wanted = f"between {fewest} and {most} items, inclusive" if most < sys.maxsize else f"at least {fewest} item(s)"
    failure = f"{_place(field)}: value must contain {wanted}"
    return lambda message: None if fewest <= len(items_of(message)) <= most else failure


def _part_checks(field: FieldDescriptor, rules: FieldRules, plans: Plans) -> Iterator[Check]:
    """The check of the messages the field holds, if they have rules, and of its being there."""
    held = field.message_type
    if held is None:
        return
    if held.GetOptions().map_entry:
        value = held.fields_by_name["value"].message_type
        if value is not None and value in plans:
            yield _map_check(field, plans[value])
    elif field.is_repeated:
        if held in plans:
            yield _list_check(field, plans[held])
    elif held in plans or rules.message.required:
        required = rules.message.required and field.containing_oneof is None  # what is set in a oneof is not missing
        yield _single_check(field, plans.get(held, ()), required=required)


def _single_check(field: FieldDescriptor, checks: Sequence[Check], *, required: bool) -> Check:
    name, place = field.name, _place(field)
    part_of: Callable[[Message], Message] = attrgetter(name)
    if_missing = f"{place}: value is required" if required else None

    def check(message: Message) -> str | None:
        if not message.HasField(name):
            return if_missing
        failure = _first_failure(part_of(message), checks)
        return None if failure is None else _caused(place, failure)

    return check


def _list_check(field: FieldDescriptor, checks: Sequence[Check]) -> Check:
    place = _place(field)
    items_of: Callable[[Message], Sequence[Message]] = attrgetter(field.name)

    def check(message: Message) -> str | None:
        for index, item in enumerate(items_of(message)):
            failure = _first_failure(item, checks)
            if failure is not None:
                return _caused(f"{place}[{index}]", failure)
        return None

    return check


def _map_check(field: FieldDescriptor, checks: Sequence[Check]) -> Check:
    place = _place(field)
    entries_of: Callable[[Message], Mapping[str, Message]] = attrgetter(field.name)

    def check(message: Message) -> str | None:
        entries = entries_of(message)
        for key in sorted(entries):  # so that the same request always fails alike
            failure = _first_failure(entries[key], checks)
            if failure is not None:
                return _caused(f"{place}[{key}]", failure)
        return None

    return check


def _caused(place: str, failure: str) -> str:
    return f"{place}: embedded message failed validation | caused by: {failure}"


def _place(field: FieldDescriptor | OneofDescriptor) -> str:
    """``invalid PermissionCheckRequest.TenantId`` for the field ``tenant_id``: Go's spelling, which clients know."""
    *_, message, name = field.full_name.split(".")
    return f"invalid {message}." + "".join(word[:1].upper() + word[1:] for word in name.split("_"))
