"""Strategies that make valid schemas, as text."""

from __future__ import annotations

from hypothesis import strategies as st

from schema.tokens import KEYWORDS

NAMES = st.text("abcXYZ_", min_size=1, max_size=4).filter(lambda name: name not in KEYWORDS and name != "context")
KINDS = st.sampled_from(["boolean", "boolean[]", "string", "string[]", "integer", "integer[]", "double", "double[]"])
BODIES = st.sampled_from(
    ["true", "1 < 2 // }", "{'a': 1}.a == 1", 'context.data.x == "a}"', "'\\'' == '}'", "[1,\n\t2] == []"]
)
BLANKS = st.sampled_from([" ", "  ", "\t", " /* x */ "])
BREAKS = st.sampled_from(["\n", "\n\n", ";", " // x\n", "\r\n"])


@st.composite
def expressions(draw: st.DrawFn, members: list[str], arrows: list[tuple[str, str]], calls: list[str]) -> str:
    """An expression over what is known to be there."""
    leaves = st.sampled_from([*members, *(".".join(arrow) for arrow in arrows), *calls])
    operators = st.sampled_from([" or ", " and ", " not ", " or\n", " not // x\n"])
    return draw(
        st.recursive(
            leaves,
            lambda inner: st.tuples(inner, operators, inner).map("".join) | inner.map(lambda e: f"({e})"),
            max_leaves=6,
        )
    )


@st.composite
def schemas(draw: st.DrawFn) -> str:
    """The text of a schema that compiles."""
    names = draw(st.lists(NAMES, min_size=2, max_size=6, unique=True))
    split = draw(st.integers(1, len(names)))
    entities, rules = names[:split], names[split:]
    parameters = {rule: draw(st.dictionaries(NAMES, KINDS, max_size=3)) for rule in rules}
    relations = {entity: draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)) for entity in entities}
    definitions = [
        f"rule {rule}({', '.join(f'{p} {kind}' for p, kind in parameters[rule].items())}) {{ {draw(BODIES)}\n}}"
        for rule in rules
    ]
    for entity in entities:
        members, attributes = [], draw(st.dictionaries(NAMES, KINDS, max_size=3))
        attributes = {name: kind for name, kind in attributes.items() if name not in relations[entity]}
        targets: dict[str, list[tuple[str, str]]] = {}
        for relation in relations[entity]:
            usersets = [(e, r) for e in entities for r in ("", *relations[e])]
            targets[relation] = draw(st.lists(st.sampled_from(usersets), min_size=1, max_size=3))
            written = draw(BLANKS).join(f"@{e}#{r}" if r else f"@{e}" for e, r in targets[relation])
            members.append(f"relation {relation} {written}")
        members += [f"attribute {name} {kind}" for name, kind in attributes.items()]
        arrows = [
            (relation, name)
            for relation, pointed in targets.items()
            for name in relations[pointed[0][0]]
            if all(name in relations[e] for e, _ in pointed)
        ]
        calls = [f"{r}({', '.join(p)})" for r, p in parameters.items() if p.items() <= attributes.items()]
        leaves = [*relations[entity], *(name for name, kind in attributes.items() if kind == "boolean")]
        granted = draw(st.lists(NAMES, max_size=2, unique=True))
        taken = {*relations[entity], *attributes}
        for name in granted:
            if name not in taken:
                members.append(f"permission {name} = {draw(expressions(leaves, arrows, calls))}")
        body = "".join(f"{draw(BREAKS)}{member}" for member in draw(st.permutations(members)))
        definitions.append(f"entity {entity} {{{body}{draw(BREAKS)}}}")
    return draw(BREAKS).join(draw(st.permutations(definitions)))
