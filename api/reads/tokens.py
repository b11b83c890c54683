"""How many tokens a language model reads in a text, estimated without its vocabulary. Pure.

The text is split as the o200k tokenizer splits it before it looks anything up; each piece then costs what pieces of
its kind and length cost on average. The averages were counted over 330,000 to 1,000,000 pieces of each kind in logs,
source code, JSON and documentation; `tests/api/reads/test_tokens.py` compares with the real tokenizer.
"""

import re
from functools import lru_cache

PIECE = re.compile(
    # base64 and the like; looked for where a run begins and not far, so that the time stays linear
    r"(?:[^\r\n\w]|_)?(?<![A-Za-z0-9+])(?=[A-Za-z0-9+]{0,20}\d[A-Za-z+]{1,20}\d)(?=[a-z0-9+]{0,20}[A-Z])(?=[A-Z0-9+]{0,20}[a-z])"
    r"[A-Za-z0-9+]{24,}|"
    r"(?:[^\r\n\w]|_)?[A-Z]*[^\W\d_A-Z]+(?:'(?:s|t|re|ve|m|ll|d))?"  # a word, with one mark or space before it
    r"|(?:[^\r\n\w]|_)?[A-Z]+"
    r"|\d{1,3}"
    r"|[ ]?(?:[^\s\w]|_)+[\r\n/]*"  # marks
    r"|[^\S\r\n]*[\r\n]+"
    r"|\s+(?!\S)|\s|."
)
# Tokens of an ASCII word by its letters, from 1 to 18; how common a word is shows in what stands before it.
AFTER_SPACE = (1, 1, 1.01, 1.02, 1.03, 1.04, 1.09, 1.15, 1.2, 1.2, 1.31, 1.76, 1.62, 1.42, 1.9, 2.48, 2.9, 4)
AFTER_MARK = (1.06, 1.1, 1.14, 1.13, 1.23, 1.28, 1.39, 1.63, 1.77, 1.74, 2.04, 2.27, 2.85, 2.65, 3.12, 3.35, 3.6, 3.87)
ALONE = (1, 1.01, 1.04, 1.04, 1.06, 1.14, 1.23, 1.36, 1.43, 1.4, 1.51, 1.99, 2.63, 2.47, 3.2, 3.27, 3.76, 4.13)
CAPITALS = (1, 1.05, 1.2, 1.35, 1.4, 1.55, 1.65, 2.05, 2.4, 2.5, 2.75, 3.6, 3.5, 4, 4, 4.5, 5, 5.5)
MARKS = (1, 1, 1.07, 1.27, 1.66, 2.15, 2.71, 3.61, 4.34, 5.12, 5.56, 6.32, 6.69, 7.56, 8.05, 8.6, 9.1, 9.6)
USUAL_CHARS = 32  # of a piece: longer ones seldom come again, and a stranger's may have 8 KiB
MORE_PER_CHARACTER = 0.3
NOISE_PER_CHARACTER = 0.68
# Tokens of one character in a word that is not ASCII: (up to, tokens). Latin, Greek to Arabic, Indic, others, symbols,
# kana, Han, Hangul, emoji.
SCRIPTS = (
    (0x24F, 0.21), (0x8FF, 0.26), (0xFFF, 0.5), (0x1FFF, 0.4), (0x303F, 0.72), (0x30FF, 0.61), (0xABFF, 0.75),
    (0xD7FF, 0.53), (0x10FFFF, 0.8),
)  # fmt: skip


def estimate_tokens(text: str) -> int:
    """About as many tokens as o200k makes of it."""
    pieces: list[str] = PIECE.findall(text)
    return round(sum([recall_tokens(one) if len(one) <= USUAL_CHARS else piece_tokens(one) for one in pieces]))


def piece_tokens(piece: str) -> float:
    """The tokens that a piece costs on average."""
    if not piece.isascii():
        return max(1.0, sum(next(each for up_to, each in SCRIPTS if ord(character) <= up_to) for character in piece))
    if piece.isspace() or piece.isdigit():
        return 1.0
    if any(character.isdigit() for character in piece):
        return len(piece) * NOISE_PER_CHARACTER
    if not piece[-1].isalpha():
        return 1 + len(piece) / 8 if len(set(piece.strip())) == 1 < len(piece.strip()) else by_length(MARKS, piece)
    if piece.isupper():
        return by_length(CAPITALS, piece.lstrip(" "))
    if piece[0].isalpha():
        return by_length(ALONE, piece)
    return by_length(AFTER_SPACE if piece[0] == " " else AFTER_MARK, piece[1:])


recall_tokens = lru_cache(maxsize=20_000)(piece_tokens)


def by_length(costs: tuple[float, ...], piece: str) -> float:
    longer = max(0, len(piece) - len(costs))
    return costs[len(piece) - 1 - longer] + MORE_PER_CHARACTER * longer
