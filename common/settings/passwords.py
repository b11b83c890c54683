"""Whether a password is good enough for a server on a port, as zxcvbn judges it. Pure."""

import re

PASSWORD_CHARS = 12
# What zxcvbn calls very unguessable. Twelve letters and digits that were drawn have 10^12 on the average.
GUESSES = 10**10
JUDGED_CHARS = 72  # zxcvbn takes no more, and what is left needs none
# Words that everybody tries first at a server like ours: a password is judged by what it has besides.
KNOWN_WORDS = ("mayday", "postgresql", "postgres", "redis", "valkey", "password", "passwd", "secret", "changeme",
               "default", "admin")  # fmt: skip
USER_CHARS = 4  # of a shorter user name nearly every password has a piece


def find_weakness_of(password: str, user: str = "") -> str:
    """What is wrong with a password, without a word of it, as the end of a sentence; empty when nothing is."""
    if len(password) < PASSWORD_CHARS:
        return f"has a weak password: production mode wants {PASSWORD_CHARS} characters or more, made at random"
    own = [user] if len(user) >= USER_CHARS else []
    rest = re.sub("|".join(map(re.escape, (*own, *KNOWN_WORDS))), "", password, flags=re.IGNORECASE)
    if rest != password and is_guessed(rest):
        return "has a password with a well-known word in it: production mode wants one made at random"
    return "has a weak password: production mode wants one made at random" if is_guessed(password) else ""


def is_guessed(password: str) -> bool:
    """Whether it would be found within so many guesses of somebody who knows words, names, keyboards and dates."""
    from zxcvbn import zxcvbn  # its lists of words take a tenth of a second, and only production mode looks

    return not password or zxcvbn(password[:JUDGED_CHARS], max_length=JUDGED_CHARS)["guesses"] < GUESSES
