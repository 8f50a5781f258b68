"""Random schemas, data and questions, small enough that a counter-example can be read.

Two types, group and doc, have the same member names, so that any arrow between them compiles; users have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from model.attributes import Attribute, AttributeKind, AttributeValue
from model.check import Context, Question
from model.tuples import EntityRef, RelationTuple, SubjectRef
from schema.compiled import Target

RELATIONS = ("owner", "member", "parent")
PERMISSIONS = ("view", "edit", "admin")
TYPES = ("group", "doc")
IDS = ("a", "b")

RULES = """
rule high(level integer) {
  level > 1
}
rule within(level integer, flag boolean) {
  flag || double(level) < context.data.limit
}
"""


@dataclass(frozen=True)
class Case:
    """One generated situation; ``str`` shows it as a person would write it."""

    schema: str
    tuples: tuple[RelationTuple, ...]
    attributes: tuple[Attribute, ...]
    context: Context
    questions: tuple[Question, ...]

    def __repr__(self) -> str:
        lines = [
            "Case",
            self.schema.strip(),
            *(f"tuple      {row}" for row in self.tuples),
            *(f"attribute  {attribute}" for attribute in self.attributes),
            *(f"contextual {item}" for item in (*self.context.tuples, *self.context.attributes)),
            f"data       {dict(self.context.data)}",
            *(f"ask        {question.entity}#{question.permission}@{question.subject}" for question in self.questions),
        ]
        return "\n".join(lines)


Targets = Mapping[tuple[str, str], tuple[Target, ...]]

_user_targets = st.lists(
    st.sampled_from([Target("user"), *(Target(kind, name) for kind in TYPES for name in RELATIONS[:2])]),
    min_size=1,
    max_size=3,
    unique=True,
).map(lambda targets: targets if Target("user") in targets else [Target("user"), *targets])
_parent_targets = st.lists(
    st.sampled_from([*(Target(kind) for kind in TYPES), Target("group", "member")]), min_size=1, max_size=2, unique=True
)


def _leaves() -> st.SearchStrategy[str]:
    members = st.sampled_from([*RELATIONS[:2], *PERMISSIONS, "flag"])
    arrows = st.sampled_from([f"parent.{name}" for name in (*RELATIONS[:2], *PERMISSIONS)])
    calls = st.sampled_from(["high(level)", "within(flag, level)"])
    return st.one_of(members, members, members, arrows, arrows, calls)


def _expressions() -> st.SearchStrategy[str]:
    operators = st.sampled_from(["or", "or", "or", "and", "not"])
    return st.recursive(_leaves(), lambda inner: st.builds("({} {} {})".format, inner, operators, inner), max_leaves=5)


def _permissions() -> st.SearchStrategy[dict[str, str]]:
    """Any expressions; or the usual hierarchy, in which one permission contains the next, here as on the parent."""
    hierarchy = st.fixed_dictionaries(
        {
            "view": st.sampled_from(["member or edit or parent.view", "edit or parent.view or parent.edit", "edit"]),
            "edit": st.sampled_from(["owner or admin or parent.edit", "admin or parent.edit", "owner or parent.admin"]),
            "admin": st.sampled_from(["owner or parent.admin", "member or parent.edit", "owner not member", "owner"]),
        }
    )
    return st.one_of(st.fixed_dictionaries({name: _expressions() for name in PERMISSIONS}), hierarchy)


@st.composite
def schemas(draw: st.DrawFn) -> tuple[str, Targets]:
    """A schema's text and what its relations may point at."""
    targets: dict[tuple[str, str], tuple[Target, ...]] = {}
    lines = ["entity user {}"]
    for kind in TYPES:
        lines.append(f"entity {kind} {{")
        for relation in RELATIONS:
            chosen = tuple(draw(_parent_targets if relation == "parent" else _user_targets))
            targets[kind, relation] = chosen
            lines.append(f"  relation {relation} {' '.join(_target_text(target) for target in chosen)}")
        lines += ["  attribute flag boolean", "  attribute level integer"]
        lines += [f"  permission {name} = {expression}" for name, expression in draw(_permissions()).items()]
        lines.append("}")
    return "\n".join(lines) + RULES, targets


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A schema, data that fits it, context that may not, and five questions."""
    schema, targets = draw(schemas())
    return Case(
        schema=schema,
        tuples=tuple(draw(st.lists(_stored_tuples(targets), max_size=20, unique=True))),
        attributes=tuple(draw(st.lists(_attributes(), max_size=3, unique_by=lambda attribute: attribute.key))),
        context=draw(_contexts()),
        questions=tuple(draw(st.lists(_questions(), min_size=5, max_size=5))),
    )


def _target_text(target: Target) -> str:
    return f"@{target.type}#{target.relation}" if target.relation else f"@{target.type}"


@st.composite
def _stored_tuples(draw: st.DrawFn, targets: Targets) -> RelationTuple:
    kind, relation = draw(st.sampled_from(sorted(targets)))
    target = draw(st.sampled_from(targets[kind, relation]))
    entity_id, subject_id = draw(st.sampled_from(IDS)), draw(st.sampled_from(IDS))
    return RelationTuple(kind, entity_id, relation, target.type, subject_id, target.relation)


def _attributes() -> st.SearchStrategy[Attribute]:
    flags = st.builds(AttributeValue, st.just(AttributeKind.BOOLEAN), st.booleans())
    levels = st.builds(AttributeValue, st.just(AttributeKind.INTEGER), st.integers(0, 3))
    kinds, ids = st.sampled_from(TYPES), st.sampled_from(IDS)
    return st.one_of(
        st.builds(Attribute, kinds, ids, st.just("flag"), flags),
        st.builds(Attribute, kinds, ids, st.just("level"), levels),
    )


def _contexts() -> st.SearchStrategy[Context]:
    """Contextual tuples of any shape, attributes of any kind, and data that may lack what a rule reads."""
    names = st.sampled_from([*RELATIONS, "view", "nothing"])
    subjects = st.builds(
        SubjectRef,
        st.sampled_from(["user", *TYPES, "ghost"]),
        st.sampled_from(IDS),
        st.sampled_from(["", "", "member", "view", "nothing"]),
    )
    tuples = st.builds(
        lambda kind, entity_id, name, subject: RelationTuple(kind, entity_id, name, *subject),
        st.sampled_from(TYPES),
        st.sampled_from(IDS),
        names,
        subjects,
    )
    odd = st.builds(Attribute, st.just("doc"), st.just("a"), st.just("flag"), st.just(_A_WORD))
    attributes = st.lists(st.one_of(_attributes(), _attributes(), odd), max_size=2)
    data = st.sampled_from([{"limit": 2.0}, {"limit": 2.0}, {}])
    some = st.builds(Context, st.lists(tuples, max_size=3).map(tuple), attributes.map(tuple), data)
    return st.one_of(st.just(Context(data={"limit": 1.0})), some)


_A_WORD = AttributeValue(AttributeKind.STRING, "yes")


def _questions() -> st.SearchStrategy[Question]:
    entities = st.builds(EntityRef, st.sampled_from(TYPES), st.sampled_from(IDS))
    names = st.sampled_from([*PERMISSIONS, *PERMISSIONS, *RELATIONS, "flag"])
    users = st.builds(SubjectRef, st.just("user"), st.sampled_from(IDS))
    relations = st.sampled_from(["", "member", "view"])
    usersets = st.builds(SubjectRef, st.sampled_from(TYPES), st.sampled_from(IDS), relations)
    return st.builds(Question, entities, names, st.one_of(users, users, usersets))
