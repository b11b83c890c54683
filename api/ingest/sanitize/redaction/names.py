"""Which names stand for secrets, in JSON and in text alike. Pure.

A name is read as words: camel case, blanks, dots and hyphens are `_`. In the tables `_` may be there or not.
"""

import re
from functools import lru_cache


def vocabulary(text: str) -> frozenset[str]:
    return frozenset(text.split())


NAME_CHARS = 200
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Of ASCII alone, as the hints: what folds to a letter elsewhere is none.
JOINED = str.maketrans(" .-ABCDEFGHIJKLMNOPQRSTUVWXYZ", "___abcdefghijklmnopqrstuvwxyz")

# Secret wherever they stand in a name: `dbPassword`, `stripe_api_key`. Sentry's default list is among them.
OF_KEYS = (
    "api|app|application|access|private|secret|encryption|encrypt|decryption|decrypt|signing|sign|signature|master|auth"
    "|authentication|client|shared|pre_shared|account|storage|service|license|licence|deploy|ssh|gpg|pgp|rsa|aes|hmac"
    "|crypto|cipher|webhook|consumer|cookie|jwt|symmetric|subscription|admin|server|developer|integration|wifi|wpa"
    "|vault|write|ingest|merchant|bot|fernet|functions?|recovery|instrumentation|publishable"
)
PASSWORDS = ("pass_(?:word|wd|phrase|code|wort|wrd)", "passkey", "kennwort", "contrasena", "senha", "mot_de_passe")
OF_NUMBERS = (
    *PASSWORDS, "secret(?!ar|io)", f"(?:{OF_KEYS})_key(?![a-z])", "card_(?:number|num|no)(?![a-z])",
    "(?:verification|security|one_time|mfa|2fa|sms|recovery|backup|login)_code", "social_security",
)  # fmt: skip
STEMS = (
    *OF_NUMBERS, f"(?:{OF_KEYS})_keys", "credential", "[cx]srf", "sess(?:ion)?_id", "(?:php|j|asp)sess",
    "conn(?:ection)?_str",
    "authorization", "(?:access|refresh|auth|api)_tokens", "token(?![a-z])", "symfony", "credit_card(?![a-z])",
    "(?:seed|recovery|mnemonic)_phrase", "mnemonic", "saml_(?:response|assertion)", "client_assertion",
    "security_answer",
    "(?:recovery|backup)_codes", "shared_access",
)  # fmt: skip
# Addresses of clients, in JSON alone: in text they are read by people who look for the client.
ADDRESSES = ("ip_addr", "remote_addr", "forwarded_for", "real_ip")
# Secret where they are a word by themselves: `auth`, but not `author`.
WORDS_OF_NUMBERS = (
    "pass",
    "pwd",
    "pin",
    "cvv2?",
    "cvc2?",
    "csc",
    "ssn",
    "otp",
    "totp",
    "psk",
    "ccn",
    "pswd",
    "passwrd",
    "pw",
)
WORDS = ("auth", "sessions?", "cookies?", "dsn", "jwt", "bearer", "signature", "sid", "hmac")
ENDS = r"(?<!com)(?<!by)(?<!tres)(?<!over)(?<!under)(?<!sur)pass|pwd"  # dbpass, mysqlpwd

# Names that are about a secret, by their last word or their first.
ABOUT = vocabulary("""
    count counts total totals failures sum hits misses bytes chars requests type types kind length len limit limits
    expires expiry expiration expired ttl at on url uri urls endpoint path paths file files filename dir name names
    policy policies version versions status state error errors enabled disabled required valid invalid present
    missing exists changed updated created attempts strength field fields label hint placeholder provider providers
    method methods mode scheme header domain issuer audience algorithm alg format size min max index usage used
    budget rate price cost arn ref store manager service class factory handler validator strategy encoder timeout
    seconds age retries rules rule complexity generator reset flow page form table column position offset exception
    exceptions failure controller repository listener filter interceptor guard middleware helper util utils impl
    module entity mapper builder resolver adapter wrapper rotation lifetime samesite secure httponly ms js ts jsx
    tsx py rb go java php rs cs kt cpp swift scala ex json yml yaml html vue svelte sql sh log txt md css
""")
ABOUT_FIRST = vocabulary("""
    is has had needs require requires max min num total count number no allow allows missing
""")


def words_of(name: str) -> str:
    """The name, of a long one its end, in small letters, its words joined by `_`."""
    return recall_words(name[-NAME_CHARS:])


@lru_cache(maxsize=4_096)
def recall_words(name: str) -> str:
    return CAMEL.sub("_", name).translate(JOINED).strip("_:@$")


def either(*parts: str) -> str:
    return "|".join(parts)


def judged(stems: tuple[str, ...], words: tuple[str, ...]) -> re.Pattern[str]:
    stem = either(*stems).replace("_", "_?")
    return re.compile(rf"{stem}|(?:^|_)(?:{either(*words)})(?:$|_|[0-9])|(?:{ENDS})[0-9]?$")


SECRET_IN_TEXT = judged(STEMS, (*WORDS_OF_NUMBERS, *WORDS))
SECRET_IN_JSON = judged((*STEMS, *ADDRESSES), (*WORDS_OF_NUMBERS, *WORDS))
SECRET_AS_NUMBER = judged(OF_NUMBERS, WORDS_OF_NUMBERS)
LONG_NUMBER = 6  # digits: a token count is no token, but what is longer is one under any secret's name


def is_secret(name: str, *, in_text: bool = False, digits: int = 0) -> bool:
    """Whether a value under this name is a secret. `digits`: how many, of a value that is a number, else 0."""
    return recall_secret(name[-NAME_CHARS:], in_text=in_text, digits=digits)


@lru_cache(maxsize=4_096)
def recall_secret(name: str, *, in_text: bool, digits: int) -> bool:
    words = words_of(name)
    if (SECRET_IN_TEXT if in_text else SECRET_IN_JSON).search(words) is None or is_about(words):
        return False
    if digits == 0:
        return True
    if digits < LEAST_DIGITS:
        return False
    if words.endswith("pass") and digits <= NUMBER_OF_TESTS:
        return False
    return SECRET_AS_NUMBER.search(words) is not None or (digits >= LONG_NUMBER and not words.endswith("s"))


LEAST_DIGITS = 3  # `pin=12` is one of a chip
NUMBER_OF_TESTS = 3  # digits: `pass: 12, fail: 3`


def is_about(words: str) -> bool:
    """Whether a name tells of a secret and does not hold one: `token_type`, `has_password`."""
    first, _, rest = words.partition("_")
    if words.endswith("image_pull_secrets"):
        return True  # of Kubernetes: names of secrets
    return words.rpartition("_")[2] in ABOUT or (first in ABOUT_FIRST and bool(rest))


# What every secret name has, as Rust reads it. Short words begin as words do, which an escape before them may hide.
_STEM_HINT = either(
    "pass", "pwd", "pswd", "secret", "sess", "ssn", "signature", "symfony", "token", f"(?:{OF_KEYS})_keys?", "auth",
    "cred",
    "cookie", "srf", "cv[vc]", "conn(?:ection)?_str", "dsn", "bearer", "jwt", "hmac", "kennwort", "contrasena", "senha",
    "mot_de_passe", "card_n[ou]", "credit_card",
    "(?:verification|security|one_time|mfa|2fa|sms|recovery|backup|login)_codes?",
    "social_security", "(?:seed|recovery)_phrase", "mnemonic", "saml_(?:response|assertion)", "client_assertion",
    "security_answer", "shared_access",
).replace("_", "[ _.-]?")  # fmt: skip
_ADDRESS_HINT = either(*ADDRESSES).replace("_", "[ _.-]?")
_SHORT = {"pin": "in", "otp": "tp", "sid": "id", "csc": "sc", "totp": "otp", "psk": "sk", "ccn": "cn", "pw": "w"}
_SHORT_HINT = either(*[f"{word[0]}(?i-u:{rest})" for word, rest in _SHORT.items()])
_SHORT_CAPITAL = either(*[f"{word[0].upper()}(?i-u:{rest})" for word, rest in _SHORT.items()])
TEXT_NAME = rf"(?i-u:{_STEM_HINT})|{_SHORT_HINT}|{_SHORT_CAPITAL}"


def name_hint(before_short: str) -> str:
    return rf"(?i-u:{_STEM_HINT}|{_ADDRESS_HINT})|(?:^|[^A-Za-z]|{before_short})(?:{_SHORT_HINT})|{_SHORT_CAPITAL}"
