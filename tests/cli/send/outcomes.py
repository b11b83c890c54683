"""The folder of made-up logs, and of each file what it must become: an error a line, as severity, service (- where it names
none), time on 2026-11-23 in UTC (- where it has none), type, and the first line of the message."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "files"
SERVICE, MESSAGE_CHARS = "-", 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """The errors of a file, how many of its records are none, and whether it is refused as a whole."""

    text: str
    unsent: int = 0
    refused: bool = False

    @property
    def errors(self) -> list[str]:
        return [line.strip() for line in self.text.splitlines() if line.strip()]


def describe(error: dict[str, Any]) -> str:
    """An error as it was sent, in one line as the table has it."""
    at = error.get("timestamp")
    clock = "-" if at is None else at.removeprefix("2026-11-23T").removesuffix("Z")
    message = error["message"].split("\n")[0].rstrip("\r")
    shown = message if len(message) <= MESSAGE_CHARS else f"{message[:MESSAGE_CHARS]}..."
    return " | ".join((error["severity"], error["service"], clock, error.get("error_type") or "-", shown))


OUTCOMES = {
    "apache-error.log": Outcome(
        """
        error | - | 18:04:05.123456 | - | AH00037: Symbolic link not allowed: /srv/www/x
        error | - | 18:04:06.123456 | RuntimeException | no db
        """,
        unsent=1,
    ),
    "array.json": Outcome(
        """
        error | pay | 18:04:05 | - | charge failed
        critical | ledger | 18:04:07 | - | no ledger
        """,
        unsent=1,
    ),
    "database.log": Outcome(
        """
        """,
        refused=True,
    ),
    "docker.json": Outcome(
        """
        error | pay | 18:04:05.100000 | - | charge failed
        error | - | 18:04:06.100000 | java.lang.IllegalStateException | cart 12
        """,
        unsent=1,
    ),
    "dotnet-console.log": Outcome(
        """
        error | - | - | System.InvalidOperationException | Sequence contains no elements
        warning | - | - | - | Cart is large
        error | - | - | System.IO.FileNotFoundException | Could not find file '/x'.
        """,
        unsent=1,
    ),
    "go-std.log": Outcome(
        """
        error | - | 18:04:05 | - | failed to charge order 4711: card declined
        error | - | 18:04:06 | panic | http: panic serving 10.0.0.9:4242: runtime error: invalid me...
        error | - | 18:04:06 | panic | runtime error: index out of range [5] with length 3
        """,
        unsent=1,
    ),
    "gunicorn.log": Outcome(
        """
        error | - | 18:04:05 | ModuleNotFoundError | No module named 'shop'
        critical | - | 18:04:06 | - | WORKER TIMEOUT (pid:9)
        """,
        unsent=1,
    ),
    "journal.json": Outcome(
        """
        error | shop | 18:04:05 | - | charge failed
        error | shop | 18:04:06 | ValueError | no config
        warning | kernel | 18:04:07 | - | cpu is hot
        """,
        unsent=1,
    ),
    "klog.log": Outcome(
        """
        error | - | 18:04:05.123456 | - | Failed to watch *v1.Pod: connection refused
        warning | - | 18:04:06.123456 | - | deprecated flag --x
        critical | - | 18:04:07.123456 | - | no kubeconfig
        """,
        unsent=1,
    ),
    "laravel.log": Outcome(
        """
        error | - | 18:04:05 | App\\Exceptions\\CardDeclined | card declined
        critical | - | 18:04:06 | - | queue is gone
        """,
        unsent=1,
    ),
    "latin1.log": Outcome(
        """
        error | - | 18:04:05 | - | pay: größer als erlaubt
        """,
        unsent=1,
    ),
    "log4j.log": Outcome(
        """
        critical | - | 18:04:05.120000 | java.lang.OutOfMemoryError | Java heap space
        error | - | 18:04:06.120000 | java.lang.NullPointerException | Cannot invoke "Cart.total()"
        """,
        unsent=2,
    ),
    "logfmt.log": Outcome(
        """
        error | pay | 18:04:05 | - | charge of "4711" failed
        warning | cart | 18:04:06 | - | slow
        """,
        unsent=1,
    ),
    "messages.txt": Outcome(
        """
        error | - | - | - | charge failed
        error | - | - | - | no cart 12
        """
    ),
    "nginx-error.log": Outcome(
        """
        error | - | 18:04:05 | - | *34 connect() failed (111: Connection refused) while connect...
        critical | - | 18:04:06 | - | *35 open() "/srv/www/x" failed (13: Permission denied)
        warning | - | 18:04:07 | - | *36 an upstream response is buffered to a temporary file
        """,
        unsent=1,
    ),
    "node-console.log": Outcome(
        """
        error | - | - | TypeError | Cannot read properties of undefined (reading 'total')
        error | - | - | Error | connect ECONNREFUSED 127.0.0.1:5432
        """,
        unsent=1,
    ),
    "packed.bz2": Outcome(
        """
        error | - | 18:04:05 | - | pay: größer als erlaubt
        """,
        unsent=1,
    ),
    "packed.log": Outcome(
        """
        error | - | 18:04:05 | - | pay: größer als erlaubt
        error | - | 18:04:07 | - | second member
        """,
        unsent=1,
    ),
    "packed.xz": Outcome(
        """
        error | - | 18:04:05 | - | pay: größer als erlaubt
        """,
        unsent=1,
    ),
    "packed.zst": Outcome(
        """
        error | - | 18:04:05 | - | pay: größer als erlaubt
        """,
        unsent=1,
    ),
    "php-fpm.log": Outcome(
        """
        critical | - | 18:04:05 | TypeError | total(): Argument #1 must be of type Cart, null given
        warning | - | 18:04:06 | - | Division by zero in /srv/www/b.php on line 9
        """,
        unsent=1,
    ),
    "plain.csv": Outcome(
        """
        error | - | - | - | first
        warning | - | - | - | second
        """,
        unsent=1,
    ),
    "postgres.log": Outcome(
        """
        error | - | 18:04:05.123000 | - | relation "carts" does not exist at character 15
        critical | - | 18:04:06.123000 | - | password authentication failed for user "shop"
        """,
        unsent=1,
    ),
    "pretty.json": Outcome(
        """
        error | pay | 18:04:05 | - | charge {failed}: "[4711"
        """,
        unsent=1,
    ),
    "python-groups.log": Outcome(
        """
        error | - | - | ExceptionGroup | several (2 sub-exceptions)
        warning | - | - | - | watch out
        """,
        unsent=1,
    ),
    "python-logging.log": Outcome(
        """
        error | - | 18:04:05.120000 | shop.errors.CartError | no cart 12
        warning | - | 18:04:06.120000 | - | cart 13 is large
        error | - | 18:04:07.120000 | ZeroDivisionError | division by zero
        """,
        unsent=2,
    ),
    "rails.log": Outcome(
        """
        critical | - | 18:04:05.123456 | NoMethodError | undefined method `total' for nil
        warning | - | 18:04:06.123456 | - | cache is cold
        """,
        unsent=2,
    ),
    "ruby-crash.log": Outcome(
        """
        error | - | - | ZeroDivisionError | divided by 0
        """
    ),
    "rust.log": Outcome(
        """
        error | - | 18:04:05.123456 | - | card declined order=4711
        error | - | 18:04:05.123456 | panic | index out of bounds: the len is 3 but the index is 5
        """,
        unsent=1,
    ),
    "semicolons.csv": Outcome(
        """
        error | pay | 18:04:05 | - | charge failed; card "declined"
        critical | ledger | 18:04:07 | - | over
        """,
        unsent=1,
    ),
    "services.ndjson": Outcome(
        """
        error | pay | 18:04:05.500000 | - | charge failed
        error | cart | 18:04:06 | TypeError | x is undefined
        warning | stock | 18:04:07 | - | slow
        critical | db | 18:04:08 | - | disk full
        """,
        unsent=1,
    ),
    "spring-boot.log": Outcome(
        """
        error | - | 18:04:05.120000 | java.lang.IllegalStateException | no stock for 4711
        warning | - | 18:04:06.120000 | - | Order 4712 is slow
        """,
        unsent=2,
    ),
    "syslog-5424.log": Outcome(
        """
        error | shop | 18:04:05.003000 | - | payment 4711 failed
        critical | billing | 18:04:06.003000 | - | ledger is corrupt
        """,
        unsent=1,
    ),
    "syslog.log": Outcome(
        """
        error | sshd | 18:04:05 | - | maximum authentication attempts exceeded for root from 10.0....
        error | kernel | 18:04:06 | - | [12345.678] Out of memory: Killed process 812 (java)
        error | shop | 18:04:08 | RuntimeError | no config
        """,
        unsent=2,
    ),
    "tabs.tsv": Outcome(
        """
        error | pay | 18:04:05 | - | charge failed
        """,
        unsent=1,
    ),
    "utf16-nomark.log": Outcome(
        """
        error | - | 18:04:05 | - | pay: größer als erlaubt
        """,
        unsent=1,
    ),
    "utf16.log": Outcome(
        """
        error | - | 18:04:05 | - | pay: größer als erlaubt
        """,
        unsent=1,
    ),
    "uvicorn.log": Outcome(
        """
        error | - | - | ValueError | card 4711 is expired
        """,
        unsent=3,
    ),
    "zap-console.log": Outcome(
        """
        error | - | 18:04:05.120000 | - | card declined
        warning | - | 18:04:06.120000 | - | slow
        """,
        unsent=1,
    ),
    "tomcat.log": Outcome(
        """
        error | - | 18:04:05.123000 | java.lang.ArithmeticException | / by zero
        warning | - | 18:04:06.123000 | - | No match for property [x]
        """,
        unsent=1,
    ),
    "jul.log": Outcome(
        """
        error | - | 18:04:05 | java.lang.IllegalStateException | no stock
        warning | - | 18:04:06 | - | order 4712 is slow
        """,
        unsent=1,
    ),
    "celery.log": Outcome(
        """
        error | - | 18:04:05.123000 | ValueError | expired
        warning | - | 18:04:06.123000 | - | consumer: Connection to broker lost
        """,
        unsent=1,
    ),
    "django.log": Outcome(
        """
        error | - | 18:04:05 | AttributeError | 'NoneType' object has no attribute 'card'
        warning | - | 18:04:06 | - | Not Found: /favicon.ico
        """,
        unsent=1,
    ),
    "kubernetes.log": Outcome(
        """
        error | - | 18:04:05.100000 | java.lang.IllegalArgumentException | no port
        warning | cart | 18:04:06.100000 | - | cart is large
        """,
        unsent=1,
    ),
    "compose.log": Outcome(
        """
        error | db-1 | 18:04:05.123000 | - | relation "carts" does not exist at character 15
        error | web-1 | - | ZeroDivisionError | division by zero
        """,
        unsent=2,
    ),
    "mysql.log": Outcome(
        """
        error | - | 18:04:05.123456 | - | Aborting
        warning | - | 18:04:06.123456 | - | Plugin mysql_native_password is deprecated
        """,
        unsent=2,
    ),
    "redis.log": Outcome(
        """
        warning | - | 18:04:05.123000 | - | Can't save in background: fork: Cannot allocate memory
        """,
        unsent=2,
    ),
    "mongodb.ndjson": Outcome(
        """
        error | - | 18:04:05.123000 | - | DBException in initAndListen, terminating
        warning | - | 18:04:06.123000 | - | Slow query
        """,
        unsent=1,
    ),
    "serilog.txt": Outcome(
        """
        error | - | 18:04:05.123000 | System.Net.Http.HttpRequestException | Connection refused (pay:80)
        warning | - | 18:04:06.123000 | - | Cart is large
        """,
        unsent=1,
    ),
    "cloudwatch.json": Outcome(
        """
        error | - | 18:04:05 | KeyError | 'order'
        """,
        unsent=1,
    ),
    "elixir.log": Outcome(
        """
        error | - | - | RuntimeError | no stock
        warning | - | - | - | slow query
        """,
        unsent=1,
    ),
    "loguru.log": Outcome(
        """
        error | - | 18:04:05.123000 | AttributeError | 'NoneType' object has no attribute 'number'
        warning | - | 18:04:06.123000 | - | large
        """,
        unsent=1,
    ),
    "gelf.ndjson": Outcome(
        """
        error | pay | 18:04:05.123000 | java.lang.IllegalStateException | declined
        """,
        unsent=1,
    ),
    "pipes.csv": Outcome(
        """
        error | pay | 18:04:05 | com.acme.Declined | no
        """,
        unsent=1,
    ),
    "heroku.log": Outcome(
        """
        error | app | 18:04:05.123456 | TypeError | Cannot read properties of null (reading 'card')
        error | heroku | 18:04:06.123456 | - | Request timeout
        """,
        unsent=2,
    ),
    "caddy.ndjson": Outcome(
        """
        error | - | 18:04:05.500000 | - | dial tcp 127.0.0.1:8000: connect: connection refused
        """,
        unsent=1,
    ),
    "aspnet.ndjson": Outcome(
        """
        error | - | 18:04:05.123000 | System.InvalidOperationException | declined
        """,
        unsent=1,
    ),
    "monolog.ndjson": Outcome(
        """
        error | - | 18:04:05.123456 | App\\Declined | card declined
        """,
        unsent=1,
    ),
    "access.log": Outcome(
        """
        error | - | 18:04:05 | - | "POST /pay HTTP/1.1" 502
        """,
        unsent=2,
    ),
    "windows-events.csv": Outcome(
        """
        error | Application Error | 18:04:05 | - | Faulting application name: shop.exe, version: 1.0
        """,
        unsent=1,
    ),
    "sidekiq.log": Outcome(
        """
        warning | - | 18:04:05.123000 | RuntimeError | no card
        """,
        unsent=1,
    ),
    "flask.log": Outcome(
        """
        error | - | 18:04:05.500000 | shop.PaymentDeclined | 4711
        warning | - | 18:04:06.500000 | - | slow
        """,
        unsent=1,
    ),
    "winston.ndjson": Outcome(
        """
        error | shop | 18:04:05 | Error | declined
        warning | shop | 18:04:06 | - | slow
        """,
        unsent=1,
    ),
    "tracing.ndjson": Outcome(
        """
        error | - | 18:04:05.123456 | - | charge failed
        """,
        unsent=1,
    ),
    "logback.log": Outcome(
        """
        error | - | - | com.acme.Declined | card 4711
        """,
        unsent=1,
    ),
    "perl.log": Outcome(
        """
        error | - | 18:04:05 | - | DBI connect('shop') failed: Connection refused at /srv/shop....
        """,
        unsent=1,
    ),
    "haproxy.log": Outcome(
        """
        error | haproxy | 18:04:05 | - | Server shop/web1 is DOWN, reason: Layer4 connection problem,...
        warning | haproxy | 18:04:06 | - | 326/180406 (7) : backend shop has no server available!
        """,
        unsent=1,
    ),
    "stackdriver.ndjson": Outcome(
        """
        error | pay | 18:04:05.123456 | KeyError | 'order'
        critical | ledger | 18:04:07 | - | ledger is corrupt
        """,
        unsent=1,
    ),
    "datadog.ndjson": Outcome(
        """
        error | pay | 18:04:05.123000 | Declined | no
        """,
        unsent=1,
    ),
    "swift.log": Outcome(
        """
        error | - | 18:04:05 | - | [Shop] charge failed
        critical | - | 18:04:06 | - | [Shop] no ledger
        """,
        unsent=1,
    ),
    "over-lines.txt": Outcome(
        """
        error | - | 18:04:05 | - | task failed
        """,
        unsent=2,
    ),
    "export.csv": Outcome(
        """
        error | pay | 18:04:05 | - | charge failed
        """,
        unsent=1,
    ),
    "bunyan.ndjson": Outcome(
        """
        error | pay | 18:04:05.123000 | CardError | declined
        """,
        unsent=1,
    ),
    "airflow.log": Outcome(
        """
        error | - | 18:04:06.123000 | ValueError | no rows
        warning | - | 18:04:07.123000 | - | State of this instance has been externally set
        """,
        unsent=1,
    ),
    "app-insights.ndjson": Outcome(
        """
        error | pay | 18:04:05 | - | charge failed
        error | - | 18:04:06 | System.Exception | no rows
        """,
        unsent=0,
    ),
    "cloud-run.ndjson": Outcome(
        """
        error | pay | 18:04:05.123000 | - | charge failed
        error | pay | 18:04:06.123000 | KeyError | 'a'
        error | pay | 18:04:07 | - | "GET https://x/y" 500
        """,
        unsent=1,
    ),
    "consul.log": Outcome(
        """
        error | - | 18:04:06.123000 | - | failed to sync remote state: error="No cluster leader"
        """,
        unsent=1,
    ),
    "dmesg.log": Outcome(
        """
        error | - | - | - | Out of memory: Killed process 1234 (java) total-vm:123kB
        error | - | - | - | EXT4-fs error (device sda1): ext4_lookup:1785: inode #2: com...
        """,
        unsent=1,
    ),
    "elasticsearch.log": Outcome(
        """
        warning | - | 18:04:06.123000 | - | overhead, spent [1.1s] collecting in the last [1.3s]
        error | - | 18:04:07.123000 | java.lang.IllegalStateException | failed to obtain node locks
        """,
        unsent=1,
    ),
    "erlang.log": Outcome(
        """
        error | - | 18:04:06.123456 | - | ** Generator process terminating
        error | - | 18:04:07.123456 | RuntimeError | no card
        """,
        unsent=1,
    ),
    "fluentd.log": Outcome(
        """
        error | - | 18:04:06 | - | charge failed
        error | - | 18:04:07 | - | #0 config error file="/etc/fluent.conf" error_class=Fluent::...
        """,
        unsent=1,
    ),
    "flutter.log": Outcome(
        """
        error | - | - | - | [ERROR:flutter/runtime/dart_vm_initializer.cc(41)] Unhandled...
        """,
        unsent=1,
    ),
    "actions.log": Outcome(
        """
        error | - | 18:04:06.123456 | - | Process completed with exit code 1.
        warning | - | 18:04:07.123456 | - | Node 16 is deprecated
        """,
        unsent=1,
    ),
    "iis.txt": Outcome(
        """
        error | - | 18:04:06 | - | "POST /pay" 500
        """,
        unsent=2,
    ),
    "ios.log": Outcome(
        """
        error | - | 18:04:06.123456 | NSInvalidArgumentException | -[Cart total]: unrecognized selector
        error | - | 18:04:07.123000 | - | Shop[1234] failed
        """,
        unsent=1,
    ),
    "log4net.log": Outcome(
        """
        error | - | 18:04:06.123000 | System.InvalidOperationException | no card
        critical | - | 18:04:07.123000 | - | dead
        """,
        unsent=1,
    ),
    "logcat.log": Outcome(
        """
        error | - | 18:04:06.123000 | java.lang.NullPointerException | cart is null
        warning | - | 18:04:07 | - | slow
        """,
        unsent=2,
    ),
    "lograge.log": Outcome(
        """
        error | - | 18:04:05 | RuntimeError | no card
        """,
        unsent=1,
    ),
    "mongodb-old.log": Outcome(
        """
        error | - | 18:04:06.123000 | - | Failed to open database
        warning | - | 18:04:07.123000 | - | no access control
        critical | - | 18:04:08.123000 | - | Fatal assertion 28579
        """,
        unsent=1,
    ),
    "slog.ndjson": Outcome(
        """
        error | - | 18:04:05 | - | charge failed
        error | - | 18:04:07 | - | worse
        """,
        unsent=1,
    ),
    "nlog.log": Outcome(
        """
        error | - | 18:04:06.123400 | System.InvalidOperationException | no card
        warning | - | 18:04:07.123400 | - | slow
        """,
        unsent=1,
    ),
    "rabbitmq.log": Outcome(
        """
        warning | - | 18:04:06.123456 | - | closing AMQP connection: client unexpectedly closed
        error | - | 18:04:07.123456 | - | Error on AMQP connection: access refused
        """,
        unsent=1,
    ),
    "tracing-spans.log": Outcome(
        """
        error | - | 18:04:06.123456 | - | charge failed order=12 err="no card"
        warning | - | 18:04:07.123456 | - | slow
        error | - | 18:04:07.123456 | panic | called `Option::unwrap()` on a `None` value
        """,
        unsent=1,
    ),
    "structlog.log": Outcome(
        """
        error | - | 18:04:06 | - | charge failed
        warning | - | 18:04:07.123456 | - | slow
        """,
        unsent=1,
    ),
    "alb.log": Outcome(
        """
        error | app/lb/50dc | 18:04:05.123456 | - | "GET https://shop.example:443/pay HTTP/1.1" 502
        """,
        unsent=1,
    ),
    "auditd.log": Outcome(
        """
        error | nginx | 18:04:06.123000 | - | avc:  denied  { read } for
        """,
        unsent=1,
    ),
    "kubernetes-events.ndjson": Outcome(
        """
        warning | pay-1 | 18:04:05 | - | Back-off restarting failed container
        """,
        unsent=1,
    ),
    "perl-die.log": Outcome(
        """
        warning | - | 18:04:05 | - | pay.pl: Use of uninitialized value $x in addition (+) at /sr...
        error | - | 18:04:06 | - | pay.pl: no card at /srv/pay.pl line 9.
        """,
        unsent=0,
    ),
    "cpp.log": Outcome(
        """
        error | - | 18:04:05 | - | Segmentation fault (core dumped)
        error | - | 18:04:05 | std::runtime_error | no card
        """,
        unsent=1,
    ),
    "tslog.ndjson": Outcome(
        """
        error | - | 18:04:06.123000 | - | charge failed
        """,
        unsent=1,
    ),
    "traefik.log": Outcome(
        """
        error | - | 18:04:06 | - | accept tcp [::]:80: use of closed network connection
        error | - | 18:04:07 | - | no router error="x y" routerName=a@docker
        """,
        unsent=2,
    ),
    "ruby-logger.log": Outcome(
        """
        error | - | 18:04:06.123456 | RuntimeError | charge failed
        """,
        unsent=1,
    ),
    "node-mixed.log": Outcome(
        """
        error | - | 18:04:06 | - | charge failed
        error | - | - | Error | no card
        """,
        unsent=3,
    ),
    "haproxy-access.log": Outcome(
        """
        error | haproxy | 18:04:05.123000 | - | "GET /pay HTTP/1.1" 503
        error | haproxy | 18:04:06 | - | Server shop/web1 is DOWN, reason: Layer4 connection problem,...
        """,
        unsent=0,
    ),
}
