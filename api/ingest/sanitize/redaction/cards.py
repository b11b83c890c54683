"""Numbers of payment cards. Pure.

A right check digit alone is no card: one in ten numbers has one. A card has a length and a beginning that its network
issues, and is written in the groups that stand on it, or stands near a word of cards, or before an expiry or a code.
A bare number of sixteen digits without any of that is taken for an id and stays (docs/security.md).
"""

import re

from api.ingest.sanitize.redaction.expressions import ESCAPE, Finder, finder
from api.ingest.sanitize.redaction.names import CAMEL, vocabulary
from common.fingerprint import REDACTED

_SEPARATOR = "[ .-]{1,3}"
_GROUPS = (
    r"[0-9]{3}(?P<four>[ .-]{1,3})[0-9]{4}(?P=four)[0-9]{4}(?P=four)[0-9]{4}(?:(?P=four)[0-9]{3}(?![0-9]))?"
    r"|[0-9]{3}(?P<six>[ .-]{1,3})[0-9]{6}(?P=six)[0-9]{4,5}"
)
# The digit stands first, so that the search skips to it.
NUMBER = re.compile(
    r"[2-6](?:(?<![0-9A-Za-z_.-].)|(?<=\\[nrt].)|(?<=%[0-9A-Fa-f]{2}.))"
    rf"(?:[0-9]{{12,18}}|{_GROUPS})(?![0-9A-Za-z_]|[.][0-9]|-(?![0-9]{{3,4}}(?![0-9A-Za-z]))[0-9A-Za-z])"
)
NUMBER_HINT = (
    rf"(?:^|[^0-9A-Za-z_.-]|{ESCAPE})[2-6][0-9]{{3}}"
    rf"(?:[0-9]{{9}}|{_SEPARATOR}[0-9]{{4}}{_SEPARATOR}[0-9]{{4}}{_SEPARATOR}[0-9]{{4}}|{_SEPARATOR}[0-9]{{6}}{_SEPARATOR}[0-9]{{4}})"
)
# Beginning and length, as the networks issue them (ISO/IEC 7812).
ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?:6011|64[4-9]\d|65\d\d)(?:\d{12}|\d{15})"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|3(?:0[0-5]|6\d|8\d|9\d)\d{11}"  # Diners Club
    r"|62\d{14}(?:\d{3})?"  # UnionPay
    r"|220[0-4]\d{12}|(?:60|81|82)\d{14}"  # Mir, RuPay
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"  # Maestro
)
BEFORE_CHARS, AFTER_CHARS, WORDS_MAX = 64, 24, 7
WORD = re.compile(r"[a-z]+")
OF_CARDS = vocabulary("""
    card cards pan cc ccn ccnum cardnumber cardno creditcard debitcard visa mastercard amex diners jcb
    maestro unionpay kreditkarte cvv cvc cvv2 cvc2 expiry exp ccnumber karte carte tarjeta
""")
# Of cards where more stands between: `charge failed for <number>`, but `charge <number>` is the number of a charge.
OF_PAYMENTS = vocabulary("""
    charge payment pay refund billing purchase debit credit
""")
PAID = frozenset(["charged", "charging", "paid", "declined", "refunded", "debited", "authorised", "authorized"])
OF_IDS = vocabulary("""
    id ids order orders trace span request req transaction txn trx invoice customer user account acct ref reference
    event message msg session job task batch row uuid guid serial sku product item ticket case shipment tracking
    parcel record entry offset seq sequence node host pid thread process epoch timestamp time ts ms ns us since took
    device imei isbn ean barcode phone tel lot run build commit version block hash nonce snowflake post comment lock
    note receipt voucher coupon memo object table index cursor page channel guild server duplicate key last4
""")
SAYS_CARD = re.compile(
    r"[\s|,;/-]{0,4}\(?(?:(?i:cvv|cvc|cid|csc|exp(?:iry|ires)?|valid|good thru|security|visa|mastercard|amex|discover|jcb|card)\b"
    r"|(?:0?[1-9]|1[0-2])[ ]?[/|;-][ ]?(?:20)?[2-9][0-9](?![0-9]))"
)
CODE_AT_END = re.compile(r"[ |,;:/-]{1,3}[0-9]{3,4}[\s\"'|,;)}\]]*$", re.MULTILINE)


def redact_cards(text: str, names: str = "") -> tuple[str, int]:
    """The text without numbers of cards. `names`: the names that a value of JSON stands under, the nearest last."""
    found = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal found
        kept = keep_of(match, names)
        found += kept is not None
        return match[0] if kept is None else REDACTED + kept

    return NUMBER.sub(replace, text), found


def keep_of(match: re.Match[str], names: str) -> str | None:
    """What stays behind the number of a card, mostly nothing; None where there is none."""
    text, separator = match[0], match["four"] or match["six"]
    if not separator:
        return "" if is_card(text) and stands_as_card(match, names) else None
    if is_card(text.replace(separator, "")):
        return ""
    head, _, tail = text.rpartition(separator)
    return separator + tail if len(tail) == 3 and is_card(head.replace(separator, "")) else None


def is_card(number: str) -> bool:
    return ISSUED.fullmatch(number) is not None and passes_luhn(number)


def stands_as_card(match: re.Match[str], names: str) -> bool:
    """Whether what is around a bare number says that it is a card's."""
    text, start, end = match.string, match.start(), match.end()
    before = text[max(0, start - BEFORE_CHARS) : start].rpartition("\n")[2]
    said = told_before(f"{names} {before}")
    if said is not None:
        return said or SAYS_CARD.match(text, end, end + AFTER_CHARS) is not None
    if SAYS_CARD.match(text, end, end + AFTER_CHARS):
        return True
    is_of_path = text[start - 1 : start] == "/"  # `GET /orders/<number> 404`
    return not is_of_path and CODE_AT_END.match(text, end, end + AFTER_CHARS) is not None


def told_before(text: str) -> bool | None:
    """What the nearest word that tells says: a card, something else, or nothing."""
    words = WORD.findall(CAMEL.sub(" ", text).lower())[: -WORDS_MAX - 1 : -1]
    for distance, word in enumerate(words):
        is_verb = bool(distance) or words[distance + 1 : distance + 2] == ["to"]
        if word in OF_CARDS or word in PAID or (word in OF_PAYMENTS and is_verb):
            return True
        if word == "discover" and not distance:
            return True
        if word in OF_IDS or word in OF_PAYMENTS:
            return False
    return None


DOUBLED = {str(digit): sum(divmod(2 * digit, 10)) for digit in range(10)}


def passes_luhn(number: str) -> bool:
    """The check of ISO/IEC 7812-1 over the digits; a row of one digit is no card."""
    turned = number[::-1]
    total = sum(map(int, turned[::2])) + sum(map(DOUBLED.__getitem__, turned[1::2]))
    return total % 10 == 0 and len(set(turned)) > 1


CARDS: Finder = finder(NUMBER_HINT, redact_cards)
