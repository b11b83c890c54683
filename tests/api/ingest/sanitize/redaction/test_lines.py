"""A secret that stands on other lines than its name goes whole, and the lines around it stay as they are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest.sanitize.redaction import REDACTED, redact_text
from api.ingest.sanitize.redaction.lines import redact_over_lines
from tests.api.ingest.sanitize.redaction.samples import ANY_TEXT, DRAWN, SECRET_NAMES

ENDS = st.sampled_from(["\n", "\r\n"])
INDENTS = st.sampled_from(["  ", "    ", "\t"])

SECRETS_OVER_LINES = {
    '{\n  "password": [\n    "§"\n  ],\n  "a": 1\n}': '{\n  "password": [redacted],\n  "a": 1\n}',
    "- name: DB_PASSWORD\n  value: §\nb: 1": "- name: DB_PASSWORD\n  value: [redacted]\nb: 1",
    "a:\n  secret: |\n    § x\n    y\n  b: 1": "a:\n  secret: |\n    [redacted]\n  b: 1",
    'array(1) {\n  ["password"]=>\n  string(9) "§"\n}': 'array(1) {\n  ["password"]=>\n  string(9) "[redacted]"\n}',
    "password = (\n  '§'\n)": "password = [redacted]",
}


@pytest.mark.parametrize("text", SECRETS_OVER_LINES)
def test_a_secret_on_the_lines_after_its_name_is_taken_out(text: str) -> None:
    assert redact_text(text.replace("§", "hunter2x1")) == (SECRETS_OVER_LINES[text], 1)


@pytest.mark.parametrize(
    "text",
    [
        '"password": [\n  "This field is required."\n]',
        "def token(\n  self\n)",
        "password:\n  must be longer",
        "password: |\nb: 1",
    ],
)
def test_lines_after_a_name_that_hold_no_value_stay(text: str) -> None:
    assert redact_text(text) == (text, 0)


def test_a_private_key_under_the_name_of_a_secret_is_taken_out_whole() -> None:
    redacted, count = redact_text("private_key=-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nshop.py")
    assert "MIIE" not in redacted
    assert redacted.endswith("shop.py")
    assert count >= 1


@given(SECRET_NAMES, st.lists(DRAWN, min_size=1, max_size=4), INDENTS, st.sampled_from(["|", ">-", "|2"]))
@settings(max_examples=40)
def test_a_block_of_yaml_goes_up_to_the_line_that_is_less_far_in(
    name: str, lines: list[str], indent: str, sign: str
) -> None:
    block = f"\n{indent * 2}".join(lines)
    sent = f"a: 1\n{indent}{name}: {sign}\n{indent * 2}{block}\n{indent}next: {{b: 1}}\n"
    assert redact_over_lines(sent) == (sent.replace(block, REDACTED), 1)


@given(SECRET_NAMES, DRAWN, ENDS, st.sampled_from(["[]", "{}", "()"]))
@settings(max_examples=40)
def test_what_is_in_brackets_goes_with_them(name: str, secret: str, end: str, brackets: str) -> None:
    before, after = f'{{"a": 1,{end}"{name}": ', f',{end}"b": 2}}'
    value = f'{brackets[0]}{end}  "k1": "{secret}"{end}{brackets[1]}'
    assert redact_over_lines(before + value + after) == (before + REDACTED + after, 1)


@given(SECRET_NAMES, DRAWN, ENDS)
@settings(max_examples=40)
def test_the_value_alone_goes_where_its_name_is_on_the_line_before(name: str, secret: str, end: str) -> None:
    for template in (
        f"- name: {name}{end}  value: §{end}b: 1",
        f'Content-Disposition: form-data; name="{name}"{end}Content-Type: text/plain{end}{end}§{end}--b--',
        f"<{name}>{end}  §{end}</{name}>",
        f"{name}:{end}  value: §{end}b: 1",
        f"{name}{end}  too short [type=string_too_short, input_value='§', input_type=str]{end}b",
    ):
        assert redact_over_lines(template.replace("§", secret)) == (template.replace("§", REDACTED), 1)


@given(st.sampled_from(["RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", ""]), st.lists(DRAWN, min_size=1), ENDS)
@settings(max_examples=40)
def test_a_private_key_goes_between_its_marks_wherever_it_ends(kind: str, lines: list[str], end: str) -> None:
    head, tail = f"-----BEGIN {kind}PRIVATE KEY-----", f"-----END {kind}PRIVATE KEY-----"
    body = end + end.join(lines) + end
    assert redact_over_lines(f"a{head}{body}{tail}{end}b") == (f"a{head}{REDACTED}{tail}{end}b", 1)
    assert redact_over_lines(head + body) == (head + REDACTED, 1)  # cut before its end


@pytest.mark.parametrize(
    "text", ["-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----", "a: |\n  x\nb", "password: x1y2z3"]
)
def test_public_keys_other_names_and_single_lines_are_not_its_own(text: str) -> None:
    assert redact_over_lines(text) == (text, 0)


@given(ANY_TEXT)
@settings(max_examples=40)
def test_any_text_is_taken_and_counted_as_it_is_changed(text: str) -> None:
    redacted, count = redact_over_lines(text)
    assert (count > 0) == (redacted != text)
    assert redact_over_lines(redacted)[0] == redacted
