"""What `mayday bench redaction` must leave alone, seen while the rules are made. Pure."""

import random

from dev.evaluation.redaction.making import ALNUM, HEX, Kind, Maker, chars, digits, uuid_text


def word(rng: random.Random) -> str:
    return rng.choice(("orders", "checkout", "billing", "search", "invoice", "shipment", "ledger", "report", "worker"))


def nothing(rng: random.Random) -> str:
    return rng.choice(NOTHING)


def when(rng: random.Random) -> str:
    day, time = (
        f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}",
    )
    return f"{day}T{time}:07.{rng.randint(0, 999_999):06}Z"


def words(*shapes: str) -> Maker:
    return lambda rng: rng.choice(shapes).replace("#", str(rng.randint(1, 99)))


def address(rng: random.Random) -> str:
    return ".".join(str(rng.randint(1, 254)) for _ in range(4))


NOTHING = (
    "null", "None", "undefined", "nil", '""', "''", "[redacted]", "[REDACTED]", "[FILTERED]", "***", "********",
    "<hidden>", "<redacted>", "%s", "{password}", "$PASSWORD", "${PASSWORD}", "{{ password }}", "%(password)s", "true",
    "false", "NULL", "xxxxxxxx", "?", "{}", "[]", "<nil>", "${env.DB_PASSWORD}", "$1", ":password", "(hidden)", "*****",
)  # fmt: skip
STRONG = (
    "password",
    "passwd",
    "api_key",
    "secret",
    "client_secret",
    "access_token",
    "db_password",
    "userPassword",
    "SECRET_KEY",
)
INNOCENTS = (
    Kind("16-digit ids", ("order § not found", "id=§", "request § timed out", "duplicate entry '§' for key 'PRIMARY'",
        "§", "trace §: no span", "user § has no address", "message_id: §", "lost §", "row § of table a"),
        digits(16)),
    Kind("13- to 19-digit ids", ("order § not found", "id=§", "event § skipped", "snowflake §", "§", "batch §/7"),
        lambda rng: digits(rng.randint(13, 19))(rng)),
    Kind("JSON: ids", ('{"order_id":"§"}', '{"id":§}', '{"trace":{"span":§}}', '{"ids":["§"]}', '{"customer":"§"}',
        '{"number":§}'), digits(16), is_json=True),
    Kind("times", ("at § in ms", "since § us", "took § ns"), lambda rng: str(rng.randint(1,
        4) * 10**12 + rng.randint(10**11, 10**12 - 1) * 10 ** rng.choice((0, 3, 6)))),
    Kind("times as dates", ("at § failed", "§ ERROR shop", "between § and now"), when),
    Kind("decimals", ("took § s", "score=§", "lat §, lon 4.2", '{"a": §}'), lambda rng: repr(rng.uniform(0, 7000))),
    Kind("UUIDs", ("order § lost", "id=§", "/orders/§/items", '{"id": "§"}', "trace_id=§"), uuid_text),
    Kind("hashes", ("commit § broke it", "sha256:§ missing", "etag §", "digest mismatch: §"), lambda rng: chars(HEX,
        rng.choice((32, 40, 64)))(rng)),
    Kind("opaque ids", ("request § failed", "req_§ not found", "cus_§ has no card", "pi_§ failed", "job-§ lost",
        "pod/api-§"), chars(ALNUM, 18)),
    Kind("names with prefixes like keys", ("table § is locked", "§ missing", "index § not found", "drop §"),
        words("pk_customer_orders_20#", "sk_app_production_worker_#", "rk_replication_group_member_#",
        "sk-learn-pipeline-step-#-classification", "pk_order_items_by_customer_id_#",
        "hf_transfer_download_worker_pool_#", "npm_config_registry_default_value_#",
        "sg.orders.processing.queue.number#", "pk-primary-constraint-of-orders-#",
        "ghp_like_name_of_a_thing_in_code_#", "secret_santa_list_generator_worker_#",
        "key-value-store-backend-number-#")),
    Kind("no value", ("¤=§", "¤: §", "'¤': §", '"¤": §', "¤ = §", "login failed (¤=§)", "¤=§, user=bob",
        '{"a": 1, "¤": §}'), nothing, STRONG),
    Kind("no value at all", ("¤=", "¤:", "missing ¤", "¤=&x=1", "the ¤ is required", "¤ required", "a=1;¤=;b=2",
        "bad ¤", "('¤',)", "enter ¤: "), nothing, STRONG),
    Kind("sentences about secrets", ("¤: §", "¤ §", "validation failed: ¤: §", "'¤': ['§']", '{"¤": ["§"]}',
        '"¤": "§"', "¤ -- §"), words(
        "must be at least # characters", "is required", "is invalid", "can't be blank", "This field is required.",
        "cannot be empty", "may not be null", "not found", "has expired", "does not match",
        "too short (min # characters)", "should be a string", "required", "missing", "invalid", "field required",
        "expected string, got int", "no longer valid", "was rejected by the server", "must contain a digit",
        "Must not be blank", "is too weak", "expired # minutes ago"), STRONG),
    Kind("parsers", ("token: §", "Unexpected token: §", "unexpected token '§'",
        'Unexpected token "§" in JSON at position 4', "Unexpected token § in JSON at position 0",
        "syntax error near unexpected token `§'", "unexpected token: § near line 1, column 5",
        'Parse error: unexpected token "§"'), words("}", "expected identifier", "<", ")", "expected ';' at line #",
        "unexpected end of input", ",", "EOF"), ),
    Kind("prose about tokens", ("§",), words("auth: connecting to ldap server #", "token refresh failed # times",
        "invalid token", "token expired # s ago", "author of session_key unknown", "basic authentication failed",
        "bearer authentication required", "pass: #, fail: 3", "the secret is out", "auth failed for user bob#",
        "authentication: method not supported", "session expired after # min", "passenger #: no seat",
        "Bearer token missing", "cookie: parsing failed at #", "signature: mismatch at byte #",
        "max tokens exceeded: # > 8", "secretary of orders #", "credentials: unable to load from file #",
        "keyboard: layout # unknown", "bypass=# on", "compass: #", "CSRF: token mismatch for form #")),
    Kind("counts of tokens", ("¤=§", "¤: §", '"¤": §', "used ¤ = § of it"), lambda rng: str(rng.randint(1, 9999)),
        ("max_tokens", "total_tokens", "token_count", "prompt_tokens", "password_length", "tokens",
        "completion_tokens", "auth_attempts", "session_count", "token_limit", "secret_count", "passed",
        "tokens_used")),
    Kind("names about secrets", ("¤=§", '{"¤": "§"}', "¤: §"), words("Bearer", "v#", "bcrypt", "prod",
        "/run/secrets/x#", "30d"), ("token_type", "password_policy", "secret_name", "password_file", "auth_method",
        "token_ttl", "cookie_domain", "api_key_name", "password_changed_at", "token_endpoint", "auth_type",
        "primary_key", "public_key_path", "cache_key", "foreign_key", "sort_key")),
    Kind("JSON: names about secrets", ('{"¤":"§"}', '{"a":{"¤":"§"}}'), words("Bearer", "v#", "bcrypt", "prod",
        "30d"), ("token_type", "password_policy", "secret_name", "auth_method", "token_ttl", "cookie_domain",
        "password_changed_at", "primary_key", "cache_key", "author", "tokenizer", "compass", "bypass"),
        is_json=True),
    Kind("JSON: states under names", ('{"¤":§}', '{"a":[{"¤":§}]}'), words("true", "false", "null", '""', "[]", "{}",
        '"[redacted]"', '"***"', '["is required"]'), STRONG, is_json=True),
    Kind("JSON: numbers about tokens", ('{"¤":§}',), lambda rng: str(rng.randint(0, 99_999)), ("max_tokens", "tokens",
        "token", "total_tokens", "token_count", "prompt_tokens"), is_json=True),
    Kind("lines of code", ("    §",), words("token = get_token(user)", "password=password,",
        "conn = connect(host, password=settings.password)", 'api_key = os.environ["API_KEY"]',
        "if password is None:", "def login(user, password):", "self.token = token", "raise AuthError(token)",
        "return Token::new(#)", "let token = lexer.next()?;", "const password = req.body.password;",
        "secret := os.Getenv(name)", "$password = $_POST['x'];", "assert token == Token.EOF",
        "func (p *Parser) token(n int) # {", "password: String,", "token: Optional[str] = None",
        "private final String password;", "password_hash = hash_password(password)", "session = Session(#)")),
    Kind("frames", ("  at com.example.auth.TokenService.check(TokenService.java:§)",
        '  File "/srv/auth/password.py", line §, in reset_password',
        "    at validateSession (/srv/app/session.js:§:17)",
        "#3 /srv/lib/Secret/Manager.php(§): Secret\\Manager->get()", "auth::session::Token::parse at src/token.rs:§",
        "goroutine § [running]: main.checkPassword(0xc000)", "  from /app/models/credential.rb:§:in `token'"),
        lambda rng: str(rng.randint(1, 999))),
    Kind("URLs", ("GET https://h.example/a/§?b=c failed", "http://localhost:8080/§", "https://h.example:443/users/@§",
        "at http://h:3000/a?email=x@§.example", "https://h.example/password/reset/§", "postgres://db:5432/§",
        "see https://h.example/docs#token-§"), word),
    Kind("addresses", ("connect to § failed", "from §:5432", "peer § reset", "dial tcp §:443: i/o timeout"), address),
    Kind("mail addresses", ("no user bob@§.example", "to: ann@§.example", "<x.y@§.example> bounced"), word),
    Kind("versions", ("release §", "node v§", "postgres §-debian", "needs >=§"), words("1.#.3", "20.#.0", "2026.#.1",
        "4.#.0.2")),
    Kind("sizes and times", ("took § ms", "§ bytes over", "after §s", "at 99.§ %"), lambda rng: str(rng.randint(1,
        99_999))),
    Kind("paths", ("no such file: /srv/§/token.json", "/etc/ssl/private/§.pem: denied",
        "open /run/secrets/§: no such file", "C:\\app\\§\\password.txt"), word),
    Kind("phone numbers", ("call +49 30 § failed", "sms to +1 555 §", "tel 0049§"), digits(7)),
    Kind("state of programs", ("¤=§",), words("on", "#", "/usr/bin", "en_US.UTF-8"), ("PATH", "LANG", "HOME", "TERM",
        "SHLVL", "KEYBOARD", "COMPASS", "AUTHOR", "TOKENIZERS_PARALLELISM")),
    Kind("commands", ("§",), words("docker run -u 1000:10# app", "ls -p /tmp/#", "git push -u origin main#",
        "mkdir -p /srv/#", "ssh -p 22# host", "usage: tool --password PASSWORD", "run --password-file /run/x#",
        "tool --token <token>")),
    Kind("XML", ("<¤>§</¤>",), words("5#", "orders#", "a b"), ("item", "author", "tokenCount", "passenger", "key")),
    Kind("public keys and certificates", ("-----BEGIN CERTIFICATE-----\n§\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\n§", "ssh-rsa AAAA§ bob"), chars(ALNUM, 60)),
    Kind("fields by name", ("missing fields: ['¤', 'email']", '{"required": ["¤", "email"]}', "columns (id, ¤, name)",
        'unknown field "¤"', "KeyError: '¤'", '{"loc": ["body", "¤"], "msg": "x"}'), word, STRONG),
    Kind("SQL", ("SELECT ¤ FROM users WHERE id = §", "column users.¤ does not exist", "WHERE ¤ IS NULL AND id = §",
        "UPDATE a SET ¤ = $1 WHERE id = §", "INSERT INTO a (¤) VALUES (%s) -- §"), lambda rng: str(rng.randint(1,
        9999)), ("password", "token", "api_key", "secret")),
    Kind("errors of the shop", ("cannot open § for user 7", "timed out on § at shard 3", "no route to §",
        "overflow in § (0x7f)", "deadlock detected on §"), word),
    Kind("logs of authentication", ("Login refused via password: § at 10.0.0.1 port 22 ssh2",
        "pam_auth(sshd:auth): failure; logname= uid=0 rhost=§", "session opened for user §",
        "password check failed for §", "§: invalid credentials", "no credentials for §", "token of § was revoked"),
        lambda rng: f"bob{rng.randint(1, 999)}"),
    Kind("base64 without a name", ("payload § cut", "data:image/png;base64,§", "body was §"), chars(ALNUM, 64)),
    Kind("words with hints inside", ("§",), words("residents of block #", "inside the president's office #",
        "opinion #", "spinning up worker #", "mapping # failed", "assassin # not found",
        "an essential service # is down", "tokenizer # crashed", "authoritative answer from #", "secretion level #",
        "foot print #")),
    Kind("enumerations and types", ("type Password = string #§", "enum Token { A, B } §", "interface Credentials §",
        "class Secret<T> §", "password?: string §", "Map<Token, Node> §"), word),
)  # fmt: skip
