"""Keys that are known by their form: what each provider's begin with, and what follows. Pure.

Each line is the first letter's alternative of one expression, so that at each place a single letter decides.
"""

import re
from itertools import groupby

from api.ingest.sanitize.redaction.expressions import ESCAPE, START, Finder, expression, finder
from common.fingerprint import REDACTED

_W = "[A-Za-z0-9_-]"
_A = "[A-Za-z0-9]"
_X = "[0-9a-f]"
# What it begins with, enough of it to be rare, and what follows; without look-around, since Rust reads the beginnings.
KEYS: tuple[tuple[str, str], ...] = (
    ("AGE-SECRET-KEY-1", "[A-Z0-9]{50,}"),
    ("AIza", f"{_W}{{16,}}"),
    ("AKCp[0-9]", f"{_A}{{16,}}"),  # Artifactory
    ("A(?:KI|SI|BI|PK)A[A-Z0-9]{4}", "[A-Z0-9]{12}"),  # AWS
    ("ABSK", "[A-Za-z0-9+/=]{16,}"),  # Bedrock
    ("AKID[A-Za-z0-9]", f"{_A}{{31,}}"),  # Tencent
    ("AC[0-9a-f]{4}", f"{_X}{{28}}"),  # Twilio
    ("AT(?:A|C)TT3", "[A-Za-z0-9_=-]{16,}"),  # Atlassian
    ("ATBB", f"{_A}{{24,}}"),  # Bitbucket
    ("AZDO", f"{_A}{{16,}}"),  # Azure DevOps
    ("CCIPAT_", f"{_W}{{16,}}"),  # CircleCI
    ("CFPAT-", f"{_W}{{16,}}"),  # Contentful
    ("EAA[A-Za-z0-9]{8}", f"{_W}{{50,}}"),  # Facebook, Square
    ("EZ[AT]K", f"{_A}{{16,}}"),  # EasyPost
    ("FLWSECK", f"{_W}{{16,}}"),  # Flutterwave
    ("GOCSPX-", f"{_W}{{16,}}"),
    ("HRKU-", f"{_W}{{16,}}"),  # Heroku
    ("LTAI[A-Za-z0-9]", f"{_A}{{16,}}"),  # Alibaba
    ("NR(?:AK|II|IQ|JS|SP)-", f"{_W}{{16,}}"),  # New Relic
    ("PMA[KT]-", "[A-Za-z0-9-]{16,}"),  # Postman
    (r"SG\.", rf"{_W}{{16,}}\.{_W}{{16,}}"),
    ("SK[0-9a-f]{4}", f"{_X}{{28}}"),  # Twilio
    ("a(?:pi-[0-9a-f]{8}|ccess-(?:sandbox|development|production))-", "[0-9a-f-]{27,36}"),  # LaunchDarkly, Plaid
    ("bkua_", f"{_X}{{16,}}"),  # Buildkite
    ("cio[A-Za-z0-9]{8}", f"{_A}{{24}}"),  # crates.io
    ("dapi[0-9a-f]{4}", f"{_X}{{28}}(?:-[0-9])?"),  # Databricks
    ("dckr_[po]at_", f"{_W}{{16,}}"),
    ("do[opr]_v1_", f"{_X}{{16,}}"),  # DigitalOcean
    (r"dp\.(?:pt|st|ct|sa|scim|audit)\.", "[A-Za-z0-9_.-]{16,}"),  # Doppler
    (r"dt0[a-z][0-9]{2}\.", r"[A-Z0-9]{16,}(?:\.[A-Z0-9]{40,})?"),  # Dynatrace
    ("duffel_(?:test|live)_", f"{_W}{{16,}}"),
    ("figd_", f"{_W}{{16,}}"),
    ("fio-u-", f"{_W}{{16,}}"),
    ("fm[12]_", "[A-Za-z0-9+/=_-]{16,}"),  # Fly
    ("github_pat_", "[A-Za-z0-9_]{16,}"),
    ("gh[opsru]_", f"{_A}{{16,}}"),
    ("gl(?:pat|ptt|dt|rt|rtr|cbt|soat|imt|agent|ft|ffct|oas|wt)-", "[A-Za-z0-9_.-]{16,}"),
    ("glc_", "[A-Za-z0-9+/=]{16,}"),  # Grafana
    ("glsa_", f"{_A}{{16,}}(?:_{_A}{{8}})?"),
    ("gsk_", f"{_A}{{16,}}"),  # Groq
    ("hc[abceimo]ik_", f"{_A}{{16,}}"),  # Honeycomb
    ("hf_", f"{_A}{{16,}}"),
    (r"hv[sbr]\.", f"{_W}{{16,}}"),
    ("key-[0-9a-f]{4}", f"{_X}{{28}}"),  # Mailgun
    ("lin_(?:api|oauth)_", f"{_A}{{16,}}"),
    ("lsv2_[a-z]{2}_", f"{_A}{{16,}}(?:_{_A}{{8,}})?"),
    ("mayday_(?:ingest|read|admin)[_-]", f"{_W}{{16,}}"),
    (r"mfa\.[A-Za-z0-9_-]{8}", f"{_W}{{72,}}"),  # Discord
    ("npm_", f"{_A}{{16,}}"),
    ("ntn_", f"{_A}{{16,}}"),
    ("nvapi-", f"{_W}{{16,}}"),
    ("nfp_", f"{_A}{{16,}}"),
    ("ops_eyJ", f"{_W}{{16,}}"),  # 1Password
    ("oy2[a-z0-9]{8}", "[a-z0-9]{35}"),  # NuGet
    (r"pat[A-Za-z0-9]{14}\.", f"{_X}{{16,}}"),  # Airtable
    ("pcsk_", f"{_W}{{16,}}"),
    ("ph[cx]_", f"{_A}{{16,}}"),
    ("pk(?:_live_|_test_|-lf-)", f"{_W}{{10,}}"),
    ("pnu_", f"{_A}{{16,}}"),
    ("pplx-", f"{_A}{{16,}}"),
    ("pscale_(?:tkn|pw|oauth)_", "[A-Za-z0-9_.=-]{16,}"),
    ("pul-[0-9a-f]{4}", f"{_X}{{36}}"),
    ("pypi-", f"{_W}{{16,}}"),
    ("r8_", f"{_A}{{16,}}"),  # Replicate
    ("rdme_", "[a-z0-9]{16,}"),
    ("re_[A-Za-z0-9]{8}_", f"{_A}{{16,}}"),  # Resend
    ("rk_(?:live|test)_", f"{_A}{{10,}}"),
    ("rnd_", f"{_A}{{16,}}"),  # Render
    ("rubygems_", f"{_X}{{16,}}"),
    ("sb_(?:secret|publishable)_", f"{_W}{{16,}}"),  # Supabase
    ("sbp_", "[a-z0-9_]{16,}"),
    ("sdk-[0-9a-f]{8}-", "[0-9a-f-]{27}"),
    ("secret_[A-Za-z0-9]{8}", f"{_A}{{32,}}"),  # Notion
    ("sgp_", "[A-Za-z0-9_]{16,}"),
    ("shippo_(?:live|test)_", f"{_X}{{40}}"),
    ("shp(?:at|ca|pa|ss)_", f"{_A}{{16,}}"),
    ("sk_(?:live|test)_", f"{_A}{{10,}}"),
    ("sk-(?:proj|ant|svcacct|admin|or|lf|litellm|service)-", f"{_W}{{16,}}"),
    ("sk[-_][A-Za-z0-9]{8}", f"{_A}{{8,}}"),
    ("sntry[su]_", "[A-Za-z0-9+/=_-]{16,}"),
    ("sq[aup]_", f"{_X}{{40}}"),  # Sonar
    ("sq0[a-z]{3}-", f"{_W}{{16,}}"),  # Square
    ("tfp_", f"{_W}{{16,}}"),
    ("tk-us-", f"{_W}{{16,}}"),
    ("tskey-[a-z]{2,20}-", f"{_W}{{16,}}"),
    ("whsec_", "[A-Za-z0-9+/=_-]{16,}"),
    ("xai-", f"{_A}{{16,}}"),
    ("xapp-", f"{_W}{{16,}}"),
    ("x(?:key|smtp)sib-", "[a-z0-9A-Z-]{16,}"),  # Brevo
    (r"xox[a-z](?:\.xox[a-z])?-", f"{_W}{{10,}}"),
    ("xprv[A-Za-z0-9]{8}", f"{_A}{{92,}}"),
    ("xwfp-", f"{_W}{{16,}}"),
    (r"ya29\.", f"{_W}{{16,}}"),
)  # fmt: skip


def by_first_letter() -> str:
    groups = groupby(sorted(KEYS, key=lambda key: key[0][0]), key=lambda key: key[0][0])
    return "|".join(
        f"{letter}(?:{'|'.join(f'{begins[1:]}{rest}' for begins, rest in group)})" for letter, group in groups
    )


HINT = "|".join(begins for begins, _ in KEYS)
_BEFORE = rf"(?:^|[^A-Za-z0-9]|{ESCAPE})"
OTHERS = (  # hint, secret
    ("[0-9]{4}:A[A-Za-z0-9_-]{4}", r"(?<![0-9])()[0-9]{8,10}:A[A-Za-z0-9_-]{34}"),  # Telegram
    (  # Vault of old
        rf"{_BEFORE}s\.[A-Za-z0-9]{{8}}",
        rf"{START}(?<![_.])()s\.(?=[A-Za-z]{{0,23}}[0-9])[A-Za-z0-9]{{24}}(?![A-Za-z0-9_.(])",
    ),
    (
        rf"{_BEFORE}[MNO][A-Za-z0-9_-]{{4}}[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{{6}}\.",  # Discord
        rf"{START}()[MNO][A-Za-z0-9_-]{{23,27}}\.[A-Za-z0-9_-]{{6}}\.[A-Za-z0-9_-]{{27,}}",
    ),
    ("[0-9]Q~", r"(?<![A-Za-z0-9_.~-])()[A-Za-z0-9_.~-]{3}[0-9]Q~[A-Za-z0-9_.~-]{31,}"),  # Entra
    (r"\.atlasv1\.", r"(?<![A-Za-z0-9])()[A-Za-z0-9]{10,20}\.atlasv1\.[A-Za-z0-9_=-]{40,}"),
    (r"[0-9a-f]-us[0-9]", r"(?<![A-Za-z0-9])()[0-9a-f]{32}-us[0-9]{1,2}(?![A-Za-z0-9])"),  # Mailchimp
    ("1//0", r"(?<![A-Za-z0-9])()1//0[A-Za-z0-9_-]{40,}"),  # Google, to refresh
    ("LS0tLS1CRUdJTi", r"()LS0tLS1CRUdJTi(?!BDRVJU|BQVUJMSU)[A-Za-z0-9+/=]{20,}"),  # PEM in base64
    (
        r"\$(?:2[abxy]?|[1567y]|gy|apr1|argon2(?:id|i|d)|scrypt|pbkdf2[a-z0-9-]*)\$",
        r"()\$(?:2[abxy]?|[1567y]|gy|apr1|argon2(?:id|i|d)|scrypt|pbkdf2[a-z0-9-]{0,20})\$[A-Za-z0-9./$=,+-]{20,}",
    ),
)  # fmt: skip
# Words joined by signs are a name of something: `sk-service-checkout-worker`.
WORDY = re.compile("[A-Z]?[a-z]*(?:[A-Z][a-z]+)*[0-9]{0,8}")
SIGNS = re.compile("[-_.=+/]")
RANDOM_CHARS, LONG_CHARS = 6, 16  # of a part that is no word, and of one that is none for its length


def redact_keys(text: str) -> tuple[str, int]:
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        if not is_random(match[0]):
            return match[0]
        count += 1
        return REDACTED

    return KEY.sub(replace, text), count


def is_random(key: str) -> bool:
    """Whether any part of it reads as drawn and not as a word."""
    return any(
        len(part) >= LONG_CHARS or (len(part) >= RANDOM_CHARS and WORDY.fullmatch(part) is None)
        for part in SIGNS.split(key)
    )


KEY = re.compile(rf"{START}(?:{by_first_letter()})", re.ASCII)
PROVIDERS: tuple[Finder, ...] = (
    finder(HINT, redact_keys),
    *(expression(hint, secret) for hint, secret in OTHERS),
)
