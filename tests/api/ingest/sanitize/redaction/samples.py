"""What the tests of redaction are made of: beginnings of secrets, names in all their writings, and what is drawn."""

from hypothesis import strategies as st

WORDS = st.sampled_from(
    ["password", "=", ": ", "hunter2", "Bearer ", "abcdefghijkl", "://u:p@h", "4111111111111111", "x"]
)


# What begins a secret, what may stand before or after it, and letters that fold to those of a name.
PIECES = st.sampled_from(
    ["pin=1234", "a_token x1y2z3", "||=", "\\x22", "Pin: 12", "sid=abc", "apiKey='x'", "sk_aaaaaaaaaaaaaaaaaaaa",
    "ghp_aaaaaaaaaaaaaaaaaaaa", "ssn: 1",
     "eyJaaaaaaaaa.aaaaaaaaaa", "AKIAAAAAAAAAAAAAAAAA", "basic dXNlcjpwYXNz", "cookie: a",
     "mayday_read_aaaaaaaaaaaaaaaa",
     "4111 1111 1111 1111", "5500000000000004", "in", "P", "map",
     "\n", "\r", "\t", "\x1f", "\u017f", "\u212a", " ", "-", ".", "7",
     "password", ":pass=>", "api", "Key", " key: ", "userPin", "otp", "--token ", "authorization", "cookie",
     "<secret>", "name",
     '"name":"jwt","value":', "=", ":", " := ", "=>", "->", ",", '"', "'", "\\", '\\"', "%22", "%3D", "&quot;", "\\n",
     "\\u0022",
     "[", "]", "{", "}", "(", ")", "null", "must be", "x1y2z3", "b'", "//", "://u:p/w@h", "?sig=", "-u a:b1",
     "mysql -p",
     "login a password ",
     "IDENTIFIED BY '", "%B4111111111111111^A^27", ";4111111111111111=2712", "card ", "id ", " 123", "hf_", "SG.",
     "a" * 40, "1a" * 20]
)  # fmt: skip


FRAMES = st.sampled_from(['File "/srv/a.py", line 3, in f', "at com.x.A.f(A.java:3)", "Traceback:"])

# The words of names that stand for secrets in text and in JSON alike, and the ways to write them.
NAMES = (
    ("password",), ("db", "password"), ("api", "key"), ("stripe", "api", "key"), ("client", "secret"), ("access", "token"),
    ("private", "key"), ("session", "id"), ("csrf", "token"), ("admin", "passwd"), ("my", "passphrase"),
    ("connection", "string"), ("old", "credential"),
)  # fmt: skip


def write_name(words: tuple[str, ...], form: str) -> str:
    """The words as snake_case, SCREAMING_CASE, kebab-case, dotted, camelCase or PascalCase."""
    capitals = [word.capitalize() for word in words]
    joined = {
        "snake": "_".join(words),
        "screaming": "_".join(words).upper(),
        "kebab": "-".join(words),
        "train": "-".join(capitals),
        "dotted": ".".join(words),
        "pascal": "".join(capitals),
        "camel": "".join([words[0], *capitals[1:]]),
    }
    return joined[form]


FORMS = ("snake", "screaming", "kebab", "train", "dotted", "pascal", "camel")
SECRET_NAMES = st.builds(write_name, st.sampled_from(NAMES), st.sampled_from(FORMS))
ALNUM = st.sampled_from("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789")
# As a generator of keys makes them: letters and digits, no word, no number.
DRAWN = st.text(ALNUM, min_size=8, max_size=16).map(lambda text: f"x7{text}9Q")
ANY_TEXT = st.lists(PIECES | WORDS | st.characters(), max_size=8).map("".join)
