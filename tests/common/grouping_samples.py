"""Labelled messages in the manner of many systems: every template is one group, its slots are what varies."""

import random
import re
import string

_SYLLABLES = (
    "ba",
    "ko",
    "ri",
    "ta",
    "mel",
    "no",
    "vi",
    "sar",
    "du",
    "lin",
    "fe",
    "gor",
    "an",
    "wis",
    "ter",
    "po",
    "ce",
)
_DOMAINS = ("com", "net", "org", "io", "internal", "co.uk", "de")

SYSTEMS: dict[str, str] = {
    "sshd": """
        Login accepted via password: {user} at {ip} port {port} ssh2
        Login refused via password: {user} at {ip} port {port} ssh2
        No such account {user} from {ip}
        Peer {ip} hung up [preauth]
        Peer {ip} sent no identification
        reverse lookup of {host} [{ip}] failed - POSSIBLE SPOOFING
        pam_auth(sshd:auth): failure; logname= uid={num} tty=ssh ruser= rhost={addr}
        pam_auth(sshd:auth): failure; logname= uid={num} tty=ssh ruser= rhost={addr}  user={user}
        session started for user {user} by (uid={num})
        session ended for user {user}
        Giving up: too many attempts for {user} [preauth]
        last line repeated {num} times: [ Login refused for {user} at {ip} port {port}]
        Now listening on {ip} port {port}.""",
    "httpd": """
        [client {ip}] index of directory not allowed: {path}
        [client {ip}] File is missing: {path}, referer: {url}
        child {num} exited on signal Segmentation fault (11)
        worker pool has {num} idle workers, limit is {num}
        {ip} - - "GET {path} HTTP/1.1" {num} {num}
        {ip} - - "POST {path} HTTP/1.1" {num} {num}
        AH{num}: proxy: could not reach backend {ip}:{port} ({host}) within {dur}
        tls: certificate of {host} runs out in {num} days""",
    "coordination": """
        New socket from /{ip}:{port}
        Session {hex} renewed by client /{ip}:{port}
        Session {hex} expired, timeout of {num}ms exceeded
        Lost link to id {num}, my id = {num}, error =
        Vote: {num} (leader), {hex} (txn), {hex} (round), LOOKING (state)
        Process environment:{prop}={path}
        Snapshot of {hex} written to {path}
        cannot reach peer {num} at election port {host}/{ip}:{port}
        state is FOLLOWING
        state is LEADING""",
    "batch": """
        task_{num}_{num}_m_{num} moved from NEW to SCHEDULED
        task_{num}_{num}_m_{num} moved from SCHEDULED to RUNNING
        attempt_{num}_{num}_r_{num}_{num} is at {float}
        Node {label}-{num}:{port} answered, {num} containers free, memory={num}
        Retrying {label}-{num}/{ip}:{port}. Tried {num} time(s); policy is Fixed(max={num}, sleep={num} MS)
        Slow disk read took {num}ms (limit={num}ms); targets: {iplist}
        Registering {class} as handler of {class}
        Block BP-{num}-{ip}-{num}:blk_{num}_{num} written, {size}
        Asked {ip}:{port} to drop {blocks}
        Bound to queue {word} with capacity {float}""",
    "proxy": """
        {host}:{port} opened through {host}:{port} HTTPS
        {host}:{port} closed, {num} bytes sent, {num} bytes received, after {time}
        {host}:{port} failed: tunnel not allowed, code {num}""",
    "kernel": """
        eth{num}: link up, {num}Mbps, full duplex
        Out of memory: killed process {num} ({word}) total-vm:{num}kB
        usb {num}-{num}: new device {hex4}:{hex4}
        EXT4-fs error (device sd{letter}{num}): inode #{num}: comm {word}: bad entry
        {word} daemon startup complete
        CPU{num}: temperature above limit, throttled (events = {num})
        DHCP offer to {mac} via eth{num}: no free leases
        nfs: server {host} not responding, timed out
        audit: type={num} audit({float}:{num}): apparmor=DENIED name={path} pid={num}""",
    "phone": """
        onStepsChanged {num}
        totals = {num}##{num}##{num}##{num}
        REPORT : {num} {num} {num}
        screen state {bool}
        setLights: bright={num}, source={word}, ws=Source{{{num}}}
        Started {package}/.ui.Main in {dur}
        Window{{{shorthex} u0 {package}/{package}.ui.Main}} gained focus""",
    "python": """
        Max retries for url: {path} (Caused by Refused('<pool.Connection object at {hex}>: [Errno 111] Refused'))
        No module called '{word}'
        argument '{word}' is required
        {word}() takes {num} positional arguments, {num} were given
        cannot turn string into float: '{word}'
        shapes ({num},{num}) and ({num},{num}) do not match
        user {user} not found
        order {uuid} of customer {email} was rejected
        cannot parse date '{date}'
        attempt {num}/{num} at {date} failed, next in {dur}
        object of type '{word}' cannot be serialised
        No template {relpath} in any of {pathlist}
        {num} errors while validating {camel}
        task {dotted}[{uuid}] raised ValueError
        task {dotted}[{uuid}] succeeded in {dur}
        worker {word}@{host} went away: missed {num} heartbeats
        unknown column {word} in table {word}
        Setting {upper} is not set""",
    "javascript": """
        Cannot read properties of undefined (reading '{word}')
        {word} is not a function
        Unexpected token {letter} in JSON at position {num}
        Loading chunk {num} failed. (error: {url})
        Request {uuid} aborted after {num} ms
        connect ECONNREFUSED {ip}:{port}
        connect ETIMEDOUT {ip}:{port}
        ENOENT: no such file, open '{path}'""",
    "database": """
        duplicate key violates unique constraint "{word}_key" DETAIL: Key ({word})=({word}) exists.
        relation "{word}" is missing at character {num}
        deadlock: process {num} waits for ShareLock on transaction {num}; blocked by process {num}
        canceled statement due to timeout after {dur}
        password check failed for user "{user}"
        connection to server at "{host}" ({ip}), port {port} failed: refused
        ER_DUP_ENTRY: duplicate entry '{word}-{num}' for key '{word}'
        ER_LOCK_WAIT_TIMEOUT: gave up on lock after {num} s
        slow query ({float} s): SELECT * FROM {word} WHERE id = {num}
        MOVED {num} {ip}:{port}
        checkpoint done: wrote {num} buffers ({float}%); write={float} s, sync={float} s""",
    "agents": """
        Rate limit hit for model {model} in org {orgid}: {num} of {num} tokens per min used. Retry in {dur}.
        Prompt is {num} tokens, the window of {model} holds {num}
        Tool call call_{opaque} timed out after {dur}
        Answer of run_{opaque} is not valid JSON: line {num} column {num} (char {num})
        {"type": "error", "error": {"type": "overloaded", "message": "{word} {word}"}, "id": "req_{opaque}"}
        agent {word} stopped: budget of {money} used up
        Invalid key given: sk-{opaque}{opaque}
        Content of message {num} was filtered: score={float}""",
}


def expand(template: str, dice: random.Random) -> str:
    """One message of the template."""
    return re.sub(r"\{(\w+)\}", lambda slot: _value(slot[1], dice), template)


def labelled(system: str, each: int = 8) -> list[tuple[str, str]]:
    """(template, message) pairs, `each` of every template, shuffled; the same on every run."""
    dice = random.Random(system)
    templates = [line.strip() for line in SYSTEMS[system].strip().splitlines()]
    pairs = [(template, expand(template, dice)) for template in templates for _ in range(each)]
    dice.shuffle(pairs)
    return pairs


def _word(dice: random.Random) -> str:
    return "".join(dice.choices(_SYLLABLES, k=dice.randint(2, 4)))


def _join(separator: str, slot: str, dice: random.Random, most: int = 5) -> str:
    return separator.join(_value(slot, dice) for _ in range(dice.randint(1, most)))


def _chars(alphabet: str, length: int, dice: random.Random) -> str:
    return "".join(dice.choices(alphabet, k=length))


def _value(slot: str, dice: random.Random) -> str:
    number = dice.randint(0, 10 ** dice.randint(1, 7))
    makers = {
        "num": lambda: str(number),
        "float": lambda: f"{dice.random() * 100:.{dice.randint(1, 6)}f}",
        "port": lambda: str(dice.randint(22, 65535)),
        "ip": lambda: ".".join(str(dice.randint(1, 254)) for _ in range(4)),
        "iplist": lambda: "[" + ", ".join(f"{_value('ip', dice)}:50010" for _ in range(dice.randint(1, 4))) + "]",
        "word": lambda: _word(dice),
        "user": lambda: dice.choice([_word(dice), _word(dice), f"{_word(dice)}{dice.randint(1, 99)}"]),
        "host": lambda: dice.choice(["", f"{dice.randint(10, 250)}-{dice.randint(1, 250)}."]) + _host(dice),
        "addr": lambda: _value(dice.choice(["ip", "host"]), dice),
        "path": lambda: "/" + _join("/", "word", dice) + dice.choice(["", ".html", ".py", "/"]),
        "relpath": lambda: f"{_word(dice)}/{_word(dice)}.html",
        "pathlist": lambda: "[" + _join(", ", "path", dice) + "]",
        "url": lambda: f"https://{_host(dice)}/{_word(dice)}?{_word(dice)}={number}",
        "dur": lambda: dice.choice([f"{number}ms", f"{number} ms", f"{number / 100} s", f"{number % 60}m3.2s"]),
        "size": lambda: f"{number / 10} {dice.choice(['B', 'KB', 'MB', 'GiB'])}",
        "time": lambda: dice.choice(["<1 sec", f"0{dice.randint(0, 9)}:{dice.randint(10, 59)}"]),
        "hex": lambda: hex(dice.getrandbits(48)),
        "hex4": lambda: _chars("0123456789abcdef", 4, dice),
        "shorthex": lambda: _chars("0123456789abcdef", 7, dice),
        "mac": lambda: ":".join(_chars("0123456789abcdef", 2, dice) for _ in range(6)),
        "uuid": lambda: "-".join(_chars("0123456789abcdef", n, dice) for n in (8, 4, 4, 4, 12)),
        "email": lambda: f"{_word(dice)}.{_word(dice)}@{_host(dice)}",
        "date": lambda: f"20{dice.randint(10, 40)}-0{dice.randint(1, 9)}-11T0{dice.randint(0, 9)}:11:12Z",
        "blocks": lambda: " ".join(f"blk_{dice.randint(1, 10**9)}" for _ in range(dice.randint(1, 6))),
        "class": lambda: f"org.{_word(dice)}.{_word(dice)}.{_value('camel', dice)}",
        "dotted": lambda: f"{_word(dice)}.tasks.{_word(dice)}",
        "package": lambda: f"com.{_word(dice)}.{_word(dice)}",
        "camel": lambda: _word(dice).title() + _word(dice).title(),
        "upper": lambda: _word(dice).upper() + "_" + _word(dice).upper(),
        "prop": lambda: f"{_word(dice)}.{_word(dice)}",
        "label": lambda: f"{_word(dice)}-{dice.choice('abc')}",
        "letter": lambda: dice.choice(string.ascii_lowercase),
        "bool": lambda: dice.choice(["true", "false"]),
        "model": lambda: f"{_word(dice)}-{dice.randint(1, 9)}-{_word(dice)}",
        "orgid": lambda: f"org-{_value('opaque', dice)}",
        "opaque": lambda: _chars(string.ascii_letters + string.digits, 20, dice),
        "money": lambda: f"${number / 100}",
    }  # fmt: skip
    return makers[slot]()


def _host(dice: random.Random) -> str:
    return f"{_word(dice)}.{_word(dice)}.{dice.choice(_DOMAINS)}"
