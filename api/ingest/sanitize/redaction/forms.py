"""Secrets that are known by their form or by what is around them: credentials in URLs and headers, JWTs, SQL, commands.

Pure. Every expression is linear: a repeat is bounded, or starts only where nothing of its kind stands before it.
"""

import re

from api.ingest.sanitize.redaction.expressions import START, Finder, expression

_NOT_YET = r"(?!\[redacted\])"
_SCHEME = r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9+.-]{1,20}:(?:\\{0,3}/){2}"
_USER = r"[^\s/:@\[\"'<>`]{0,200}"
# A number and a path after a host are a port, whatever `@` comes later.
_PORT = r"(?![0-9]{1,5}(?:,[A-Za-z0-9.-]{1,100}:[0-9]{1,5}){0,20}(?:[/?#]|$))"
# A password that has an `@` before a `?` or `#`, and no query of a URL, which has a `/` or `=` before its own `@`.
_OF_IT = r"[^\s\"'<>`=/?#]{0,100}"
_MIXED = rf"{_OF_IT}@{_OF_IT}[?#][^\s\"'<>`=/]{{0,100}}(?=@)"
_SIGNED = "[?&;](?:amp;)?(?:sig|code|X-Amz-Signature|X-Amz-Security-Token|X-Goog-Signature|Signature|hmac)="
# Programs whose flag of one letter is a password: set tight to it, or after a blank.
_TIGHT = "(?:mysql[a-z]{0,6}|mariadb[a-z-]{0,8})"
_LOOSE = (
    "(?:sshpass|(?:docker|podman|helm registry|az|skopeo|buildah|oc|cf) login|redis-cli|valkey-cli|mongo[a-z]{0,9}|sqlcmd|bcp"
    "|ldap[a-z]{2,8})"
)
_HOOKS = (
    r"(?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/(?:v[0-9]{1,2}/)?webhooks/"
    r"|webhook\.office\.com/webhookb?2?/|outlook\.office(?:365)?\.com/webhook/|hooks\.zapier\.com/hooks/catch/"
    r"|maker\.ifttt\.com/trigger/|open\.feishu\.cn/open-apis/bot/v2/hook/"
    r"|hooks\.mattermost\.com/hooks/|events\.pagerduty\.com/integration/)"
)
FORMS: tuple[Finder, ...] = (
    expression(
        r":\\{0,3}/\\{0,3}/[^ \t\r\n\"]*:[^ \t\r\n\"]*@",
        rf"({_SCHEME}{_USER}:){_NOT_YET}{_PORT}(?:{_MIXED}|[^\s\"'<>`?#]{{1,200}}|[^\s\"'<>`@]{{1,200}})(?=@)",
    ),
    expression(r":\\{0,3}/\\{0,3}/[^ \t\r\n\"/]*@", rf"({_SCHEME}){_NOT_YET}[^\s/:@\"'<>]{{16,200}}(?=@)"),
    # as drivers of Go write them
    expression(
        r"@(?:tcp|unix|udp)\(",
        r"((?<![\w.:/-])[\w.-]{1,64}:)(?!\[redacted\])[^\s\"'<>()]{1,200}(?=@(?:tcp|unix|udp)\()",
    ),
    expression(
        r"(?i-u:requirepass|masterauth)[ \t]", r"((?i:requirepass|masterauth)[ \t]{1,4}\"?)(?!\[redacted\])[^\s\"]{3,}"
    ),
    expression(_HOOKS, rf"({_HOOKS})[A-Za-z0-9][^\s\"'<>`\\)]{{7,}}"),
    expression(_SIGNED, rf"({_SIGNED}){_NOT_YET}[A-Za-z0-9%+/=_.-]{{20,}}"),
    # a word alone is no credential: `Bearer authentication`
    expression(
        r"(?i-u:bearer)(?:[ \t]|%20|\+)",
        r"\b([bB](?i:earer)(?:[ \t]{1,4}|%20|\+))(?=[A-Za-z._~+/-]{0,4000}[0-9]|[A-Za-z]{20})[A-Za-z0-9._~+/-]{8,}=*",
    ),
    expression(
        r"[Bb]asic[ \t]+[A-Za-z0-9+/]{8}",
        r"\b([Bb]asic[ \t]{1,4})(?=[a-z]{0,200}[A-Z0-9+/=])[A-Za-z0-9+/]{8,}=*",
    ),
    expression(
        r"eyJ[A-Za-z0-9_-]+\.",
        rf"{START}()eyJ[A-Za-z0-9_-]{{8,}}\.[A-Za-z0-9_.-]{{8,}}",
    ),
    # SQL
    expression(
        r"(?i-u:identified[ \t])",
        r"((?i:identified[ \t]{1,4}(?:with[ \t]{1,4}[\w'\"]{1,40}[ \t]{1,4})?(?:by|as)(?:[ \t]{1,4}password)?)[ \t]{1,4}N?['\"])"
        r"(?!\[redacted\])[^'\"\r\n]{1,200}",
    ),
    expression(
        r"(?i-u:set[ \t]+password[ \t]+for)[ \t]",
        r"((?i:set[ \t]{1,4}password[ \t]{1,4}for)[ \t]{1,4}[^=\r\n]{1,200}=[ \t]{0,4}(?i:password\([ \t]{0,4})?['\"])"
        r"(?!\[redacted\])[^'\"\r\n]{1,200}",
    ),
    # Oracle's `user/password@host`
    expression(
        r"(?i-u:jdbc:oracle:|sqlplus|sqlldr|expdp|impdp|rman)[^\r\n]*/[^\r\n]*@",
        r"((?i:jdbc:oracle:(?:thin|oci8?):|\b(?:sqlplus|sqlldr|expdp|impdp|rman)[ \t](?:[^\r\n/]{0,100}[ \t=])?)"
        r"[\w$#.-]{1,100}/)(?!\[redacted\])[^\s\"'/@]{1,200}(?=@)",
    ),
    # commands and files of credentials
    expression(
        r"(?:-u|--user|--proxy-user)[ =]",
        r"((?<![\w-])(?:-u|--user|--proxy-user)[ =][\"']?[^\s:\"'/]{1,100}:)"
        r"(?![0-9]{1,6}(?![^\s\"'])|\[redacted\])[^\s\"':/][^\s\"']*",
    ),
    expression(
        rf"{_TIGHT}[^\r\n]*[ \t]-p",
        rf"((?<![\w.-]){_TIGHT}(?:\.exe)?(?:(?![ \t]-p)[^\r\n]){{0,200}}[ \t]-p[\"']?)(?!\[redacted\])[^\s\"'-][^\s\"']*",
    ),
    expression(
        rf"{_LOOSE}[^\r\n]*[ \t]-[pPaw]",
        rf"((?<![\w.-]){_LOOSE}(?:(?![ \t]-[pPaw])[^\r\n]){{0,200}}[ \t]-[pPaw][ \t]{{0,4}}[\"']?)"
        r"(?!\[redacted\])[^\s\"'-][^\s\"']*",
    ),
    expression(
        r"(?i-u:login)[ \t]+[^ ]+[ \t]+(?i-u:password)[ \t]",
        r"(\b(?i:login)[ \t]{1,4}[^\s]{1,100}[ \t]{1,4}(?i:password)[ \t]{1,4})(?!\[redacted\])[^\s]+",
    ),
    # the stripes of a card
    expression(r"[Bb][0-9]{4}[0-9]*\^", r"()%?(?<![A-Za-z0-9])[Bb][0-9]{13,19}\^[^\^\r\n]{0,40}\^[^\s?]{0,80}\??"),
    expression(r";[0-9]{8}[0-9]*=", r"();[0-9]{13,19}=[0-9]{4,60}\??"),
)
# Over lines, or on one with escaped ones.
PRIVATE_KEY = re.compile(
    rf"(-----BEGIN[A-Z0-9 +%]{{0,40}}PRIVATE(?:[ +]|%20)KEY(?:(?:[ +]|%20)BLOCK)?-----){_NOT_YET}(?:[^-]|-(?!----END))+"
)
