"""The text of templates: YAML as it was, with what is asked of the values, and no braces but those of the template."""

from __future__ import annotations

from tradeplane_stacks.chart.tree import (
    Alternatives,
    Document,
    Entries,
    Expression,
    Items,
    Literal,
    Part,
    conditional,
    expressions,
    repeated,
    text_of,
)

SIZE = Expression("toJson $.Values.size")
WHEN = "$.Values.on"


def test_what_is_the_same_is_written_as_it_is() -> None:
    value = {"b": "1", "a": 1, "yes": "yes", "none": None, "many": [{"x": 1}], "nothing": [], "empty": {}}
    assert text_of(Literal(value)) == (
        "b: '1'\na: 1\n'yes': 'yes'\nnone: null\nmany:\n- x: 1\nnothing: []\nempty: {}\n"
    )


def test_a_text_of_several_lines_stays_one() -> None:
    assert text_of(Literal({"a": "one\ntwo\n"})) == "a: |\n  one\n  two\n"


def test_braces_of_a_manifest_are_none_of_the_template() -> None:
    assert text_of(Literal({"a": "{{ .Values.b }}"})) == "a: '{{ \"{{\" }} .Values.b }}'\n"


def test_parts_are_asked_for_and_those_that_come_together_once() -> None:
    node = Entries(
        (
            Part(Literal(1), "a"),
            Part(Literal(2), "b", WHEN),
            Part(SIZE, "c", WHEN),
            Part(Items((Part(Literal("x")), Part(SIZE, condition=WHEN))), "d"),
        )
    )
    assert text_of(node) == (
        "a: 1\n{{- if $.Values.on }}\nb: 2\nc: {{ toJson $.Values.size }}\n{{- end }}\n"
        "d:\n  - x\n{{- if $.Values.on }}\n  - {{ toJson $.Values.size }}\n{{- end }}\n"
    )


def test_an_item_whose_first_part_may_be_left_out_still_begins_one() -> None:
    node = Items((Part(Entries((Part(Literal(1), "a", WHEN), Part(Literal(2), "b")))),))
    assert text_of(node) == "-\n{{- if $.Values.on }}\n  a: 1\n{{- end }}\n  b: 2\n"


def test_alternatives_stand_on_a_line_where_they_fit_on_one() -> None:
    of_words = Alternatives(((WHEN, Literal("1")), ("$.Values.two", SIZE), (None, Literal("x"))))
    assert text_of(Entries((Part(of_words, "a"),))) == (
        "a: {{ if $.Values.on }}'1'{{ else if $.Values.two }}{{ toJson $.Values.size }}{{ else }}x{{ end }}\n"
    )
    of_sections = Alternatives(((WHEN, Literal({"x": 1})), (None, Literal("none"))))
    assert text_of(Entries((Part(of_sections, "a"),))) == (
        "a:\n{{- if $.Values.on }}\n  x: 1\n{{- else }}\n  none\n{{- end }}\n"
    )


def test_a_file_within_an_object_is_a_text_whose_lines_are_templates() -> None:
    file = Document(Entries((Part(Literal(1), "a"), Part(SIZE, "b", WHEN))))
    assert text_of(Entries((Part(file, "f.yaml"),))) == (
        "f.yaml: |\n  a: 1\n{{- if $.Values.on }}\n  b: {{ toJson $.Values.size }}\n{{- end }}\n"
    )


def test_an_object_may_be_left_out_or_be_there_for_each_item() -> None:
    assert conditional("a: 1\n", WHEN) == "{{- if $.Values.on }}\na: 1\n{{- end }}\n"
    assert repeated("a: 1\n", "$.Values.many", "$one") == "{{- range $one := $.Values.many }}\n---\na: 1\n{{- end }}\n"


def test_all_that_is_asked_is_told() -> None:
    alternatives = Alternatives((("first", SIZE), (None, Literal(1))))
    node = Entries((Part(Document(Items((Part(alternatives, condition="second"),))), "a", "third"),))
    assert list(expressions(node)) == ["third", "second", "first", "toJson $.Values.size"]
