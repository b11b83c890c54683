"""What is counted is never less than what a tokenizer counts, whatever was written, and not much more of what is usual."""

import random
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rs_bpe import openai

from api.agents.ceilings import ceiling_tokens, merges
from tests.api.reads.test_tokens import TEXTS

O200K = openai.o200k_base()
RANDOM = random.Random(11)
ALPHABETS = {
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "letters": string.ascii_letters,
    "marks": string.punctuation,
    "hex": string.hexdigits,
    "any ASCII": string.printable,
    "consonants": "bcdfghjklmnpqrstvwxz",
    "vowels": "aeiou",
    "Latin": "äöüßéèêñçøåæœđłžšč",
    "Cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "Arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "Hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "Thai": "กขคงจฉชซญดตถทธนบปผฝพฟภมยรลวศษสหอ",
    "Devanagari": "अआइईउऊएऐओऔकखगघचछजझटठडढणतथदधन",
    "Han": "".join(map(chr, range(0x4E00, 0x4F00))),
    "rare Han": "".join(map(chr, range(0x9000, 0x9FFF))),
    "Hangul": "".join(map(chr, range(0xAC00, 0xAE00))),
    "kana": "あいうえおかきくけこアイウエオカキクケコ",
    "emoji": "😀😁🤣🧵🪿🫨👩‍💻",
    "mathematical": "".join(map(chr, range(0x1D400, 0x1D500))),
}


@pytest.mark.parametrize("alphabet", ALPHABETS)
@pytest.mark.parametrize("longest", [3, 8, 30])
def test_noise_is_never_more_than_was_counted(alphabet: str, longest: int) -> None:
    letters = ALPHABETS[alphabet]
    for _ in range(40):
        words = ["".join(RANDOM.choices(letters, k=RANDOM.randint(1, longest))) for _ in range(60)]
        text = RANDOM.choice([" ", "|", "\n", "_"]).join(words)
        assert O200K.count(text) <= ceiling_tokens(text), text


@given(st.text(max_size=600))
@settings(max_examples=300)
def test_no_text_is_more_than_was_counted(text: str) -> None:
    assert O200K.count(text) <= ceiling_tokens(text)


# Of each kind that o200k tells apart when it splits, and of those that editions of Unicode do not agree about.
EDGES = (
    *"aAzTsSdD09_'!/.-\"£€“…·\t\n\r\v\x1c\x85\xa0\u3000\u2028\u200b\u200d\u0301\ufe0f\x00\x7féÉßǅʰªЖж中アกא²½٣Ⅷ\u0378\ue000😀\U0001d400",
    *("'s", "'LL", "'ve", "the", " error", "\r\n", "\U00018cd6"),
)


@given(st.lists(st.sampled_from(EDGES), max_size=12).map("".join))
@settings(max_examples=2_000)
def test_where_kinds_of_characters_meet_no_text_is_more_than_was_counted(text: str) -> None:
    assert O200K.count(text) <= ceiling_tokens(text)


@pytest.mark.parametrize("kind", TEXTS)
def test_of_usual_text_not_much_more_is_counted(kind: str) -> None:
    real = O200K.count(TEXTS[kind])
    assert real <= ceiling_tokens(TEXTS[kind]) <= 2.5 * real


def test_what_is_known_of_the_vocabulary_is_of_it() -> None:
    known = [token.decode() for token in merges() if is_text(token)]
    assert len(merges()) == 16_384
    assert len(known) > 15_000
    whole = sum(O200K.count(token) == 1 for token in known)
    assert whole > 0.99 * len(known), "but for those that the tokenizer splits before it looks anything up"


def is_text(token: bytes) -> bool:
    try:
        token.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_counting_takes_time_in_proportion_to_the_text() -> None:
    started = time.process_time()
    for unit in ("a", "A", "1", "a1", "=a", " ", " \n", "é", "+", "漢"):
        assert ceiling_tokens(unit * 20_000) > 0
    assert time.process_time() - started < 10, "about 1 s; quadratic would be minutes"
