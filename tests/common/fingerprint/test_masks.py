"""What varies in a message is hidden, what tells failures apart is kept, and no text costs more than its length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.fingerprint import mask_message, masks
from common.fingerprint.masks import INPUT_CHARS
from tests.common.grouping_samples import SYSTEMS, labelled

MASKED = [
    ("took 12 of 30", "took <*> of <*>"),
    ("took 1.5 ms", "took <*>"),
    ("took 1m30.5s", "took <*>"),
    ("kept 12 seconds", "kept <*>"),
    ("wrote 9.2 KB to disk", "wrote <*> to disk"),
    ("used 93% of it", "used <*> of it"),
    ("sent in <1 sec", "sent in <*>"),
    ("at 0x7f3a9c and deadbeef01", "at <*> and <*>"),
    ("commit 3fe5ab1 lost", "commit <*> lost"),
    ("job 0b3f6c1e-93ab-4f7e-8a55-0c0ffee0abcd lost", "job <*> lost"),
    ("mail to ann.lee+x@shop.example.com bounced", "mail to <*> bounced"),
    ("GET https://api.example.com/v1/x?id=3 failed", "GET <*> failed"),
    ("db1.eu-west.example.net is down", "<*> is down"),
    ("220-135-151-1.dyn.example.net is down", "<*> is down"),
    ("10.0.0.7:5432 refused", "<*> refused"),
    ("fe80::1ff:fe23:4567:890a refused", "<*> refused"),
    ("card 00:1b:44:11:3a:b7 lost", "card <*> lost"),
    ("cannot open /var/lib/app/x.db", "cannot open <*>"),
    ("cannot open ./conf/app.yaml: gone", "cannot open <*>: gone"),
    (r"cannot open C:\Users\ann\x.txt", "cannot open <*>"),
    ("GET /cart/7?full=1 not routed", "GET <*> not routed"),
    ("late since 2026-03-01T10:00:00Z", "late since <*>"),
    ("late since 2026-03-01 10:00:00,123 +0200", "late since <*>"),
    ("late since Tue, 03 Mar 2026 10:00:00", "late since <*>"),
    ("late since Mar 3 10:00:00", "late since <*>"),
    ("no key 'colour' in \"paint\"", "no key <*> in <*>"),
    ("it can't open 'x'", "it can't open <*>"),
    ("user=ann state=busy", "user=<*> state=<*>"),
    ("state = busy now", "state = <*> now"),
    ("owner=User(id=3, name=ann) left", "owner=<*> left"),
    ("ports 1, 2, 3 taken", "ports <*> taken"),
    ("blocks blk_1 blk_22 blk_3 gone", "blocks blk_<*> gone"),
    ("token a8Zk29xQ1 expired", "token <*> expired"),
    ("secret ******** refused", "secret <*> refused"),
    ('"GET /x HTTP/1.1" 500', '"GET <*>" <*>'),
    ('level=err msg="not found" id=3', "level=<*> msg= not found  id=<*>"),
    ('{"level":"error","msg":"lost order 7","id":3}', '{"level":<*>,"msg": lost order <*> ,"id":<*>}'),
    ("payload {} refused", "payload <*> refused"),
    ('payload {"id":1} refused', "payload <*> refused"),
    ("owners: [a, b] left", "owners: <*> left"),
    ("unknown keys: a, b", "unknown keys: <*>"),
    ("WHERE id IN (?, ?, ?)", "WHERE id IN (<*>)"),
    ("WHERE id IN ($1, $2)", "WHERE id IN (<*>)"),
    ("from 1.2.3.4 () at noon", "from <*> (<*>) at noon"),
    ("logname= uid=0 rhost= user=root", "logname=<*> uid=<*> rhost=<*> user=<*>"),
    ("1190 bytes (1.16 KB) sent", "<*> sent"),
    ("synchronized to LOCAL(0), stratum 3", "synchronized to <*>, stratum <*>"),
    ("dial tcp db:5432: refused", "dial tcp <*>: refused"),
    ("dial tcp [::1]:5432: refused", "dial tcp <*>: refused"),
    ("late since 4:05 PM", "late since <*>"),
    ("late since Tue, 03 Mar 2026 10:00:00 GMT", "late since <*>"),
    ("am 12. M\u00e4rz 2026 um drei", "am <*> um drei"),
    (r"cannot open C:\Program Files\App\x.txt now", "cannot open <*> now"),
    ("no key \u201ca b\u201d in \u00abc\u00bb or \u2018d\u2019", "no key <*> in <*> or <*>"),
    ("no key '['a', 'b']' in it", "no key <*> in it"),
    ("<Cart object at 0x7f12> is <class 'int'>", "<*> is <*>"),
]

KEPT = [
    ("connect ECONNREFUSED 10.0.0.1:80", "connect ECONNREFUSED <*>"),
    ("code=ER_DUP_ENTRY", "code=ER_DUP_ENTRY"),
    ("cause=TimeoutError", "cause=TimeoutError"),
    ("raised 'ValueError'", "raised 'ValueError'"),
    ("shop.cart.CartError is final", "shop.cart.CartError is final"),
    ('{"type": "overloaded", "id": "x"}', '{"type": "overloaded", "id": <*>}'),
    ("a == b and c", "a == b and c"),
    ("plain words only", "plain words only"),
    ("Intent { act=MAIN } not found", "Intent { act=<*> } not found"),
    ("std::vector::at failed", "std::vector::at failed"),
    ("the main() function and [preauth]", "the main() function and [preauth]"),
    ("raised TimeoutError(3)", "raised TimeoutError(<*>)"),
]


@pytest.mark.parametrize(("message", "skeleton"), MASKED)
def test_hides_what_varies(message: str, skeleton: str) -> None:
    assert mask_message(message) == skeleton


@pytest.mark.parametrize(("message", "skeleton"), KEPT)
def test_keeps_codes_and_exception_names(message: str, skeleton: str) -> None:
    assert mask_message(message) == skeleton


def test_what_is_beyond_the_cut_does_not_matter() -> None:
    start = "word " * (INPUT_CHARS // 5)
    assert mask_message(start + "abc") == mask_message(start + "xyz" * 10_000)


@pytest.mark.parametrize("system", list(SYSTEMS))
def test_no_two_templates_share_a_skeleton(system: str) -> None:
    pairs = labelled(system)
    labels: dict[str, str] = {}
    for template, message in pairs:
        assert labels.setdefault(mask_message(message), template) == template


@pytest.mark.parametrize(
    ("redacted", "sibling"),
    [
        ("card [redacted] declined", "card 4111111111111112 declined"),
        ("login failed password=[redacted] for 7", "login failed password=null for 7"),
        ('got {"password": "[redacted]"}', 'got {"password": "a b"}'),
        ("at https://u:[redacted]@h.example/x", "at https://h.example/y"),
        ("token: [redacted], 3 left", "token: 512, 3 left"),
    ],
)
def test_what_was_redacted_is_grouped_as_what_was_not(redacted: str, sibling: str) -> None:
    assert mask_message(redacted) == mask_message(sibling)


DIGITS_AND_MORE = st.text(alphabet="0123456789019xXaAfFgGzZ .,:;-_/@=+*<>()[]{}'\"`%\u0664\u00e9", max_size=60)

WORDS = st.sampled_from(
    [
        "0x7f3a",
        " 0b3f6c1e-93ab-4f7e-8a55-0c0ffee0abcd",
        "deadbeef-dead-beef-dead-beefdeadbeef ",
        "",
        "v2",
        "0x",
        "user ",
        "a1b2",
        "-3 ms",
        "2026-02-01 ",
        "10:00",
        "blk_",
        "GET /a/",
        "::1",
        "k=v",
        "1e5",
    ]
)


@given(st.lists(WORDS | DIGITS_AND_MORE, max_size=6).map("".join))
def test_a_message_that_differs_in_digits_from_one_before_is_masked_as_by_itself(message: str) -> None:
    for digits in ("0123456789", "9876543210", "1111111111"):
        other = message.translate(str.maketrans("0123456789", digits))
        assert mask_message(other) == masks.mask(other)
    for letters in ("abcdef", "fedcba"):
        other = message.translate(str.maketrans("abcdef", letters))
        assert mask_message(other) == masks.mask(other)
