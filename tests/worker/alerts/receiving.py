"""What channels lead to in tests: servers on this machine that keep what they were sent, and names that lead where a test
wants."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from common.alerts.addresses import AllowList
from common.alerts.kinds import KINDS
from common.alerts.message import Message, OpenedChannel
from common.settings import Settings
from worker.alerts.guarded_client import Guard
from worker.alerts.outside import Outside
from worker.alerts.sending import Sender

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HOSTILE = (
    "pay\r\nBcc: evil@evil.example\n\x1b[31mred\x1b[0m \u202egnp.exe\u202c <!channel> <!here> <@U123|bob> @everyone @here"
    " <at>bob</at> [click](http://evil.example/x) <http://evil.example|click> www.evil.example evil.example"
    " javascript:alert(1) mailto:a@b.c <script>alert(1)</script> <img src=x onerror=alert(1)> # h ```code"
    "\ud800 \x00 //evil.example"
)


@dataclass
class Received:
    """What one server was sent: requests as head and body, and how many connections were opened to it."""

    port: int = 0
    connections: int = 0
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)  # that TLS asked for

    def headers(self) -> dict[str, str]:
        """Those of the only request, with small names."""
        [(head, _)] = self.requests
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in head.splitlines()[1:])}


@asynccontextmanager
async def receiving(
    answer: bytes | Sequence[bytes] = OK, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Received]:
    """An HTTP server that answers with these bytes; of several, each request gets the next."""
    received = Received()
    answers = [answer] if isinstance(answer, bytes) else list(answer)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lengths = [
                line.partition(":")[2] for line in head.splitlines() if line.lower().startswith("content-length")
            ]
            body = await reader.readexactly(int(lengths[0])) if lengths else b""
            received.requests.append((head, body))
            writer.write(answers[min(len(received.requests), len(answers)) - 1])
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: received.names.append(name)
    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    received.port = server.sockets[0].getsockname()[1]
    async with server, AsyncExitStack() as stack:
        if host == "127.0.0.1" and tls is None:
            with suppress(OSError):  # where this machine speaks no IPv6
                await stack.enter_async_context(await asyncio.start_server(serve, "::1", received.port))
        yield received


def names(table: Mapping[str, Sequence[str] | Sequence[list[str]]]) -> Any:
    """A resolver of these names; a list of answers is given one after the other, the last for ever."""
    asked = dict.fromkeys(table, 0)

    async def resolve(host: str, _port: int) -> list[str]:
        if host not in table:
            return [host]
        answers = table[host]
        asked[host] += 1
        if answers and isinstance(answers[0], str):
            return list(answers)  # type: ignore[arg-type]
        return list(answers[min(asked[host], len(answers)) - 1])

    return resolve


def sender_to(allow: str = "127.0.0.1", resolve: Any = None, tls: ssl.SSLContext | None = None) -> Sender:
    """What the worker sends with, under these settings."""
    settings = Settings.load(alerts_allow=allow)
    guard = Guard(AllowList.parse(allow), resolve) if resolve else None
    return Sender(settings, outside=Outside(settings, guard=guard, tls=tls))


def make_channel(kind: str, **sent: Any) -> OpenedChannel:
    return OpenedChannel(uuid4(), uuid4(), "a channel", kind, KINDS[kind].make(sent, None), 60)


MESSAGE = Message(
    notification_id=UUID("01a20cfa-b9ad-73c9-8790-717a1337fc95"),
    incident_key="pattern/1",
    project="shop",
    kind="new",
    title="payment failed",
    lines=("12 errors in 5 minutes", "first in release 10.24.0"),
    severity="error",
    service="checkout",
    environment="production",
    url="https://mayday.example/patterns/1",
    happened_at=datetime(2026, 11, 29, 19, 0, tzinfo=UTC),
    facts={"count": 12},
)
HOSTILE_MESSAGE = replace(
    MESSAGE, title=HOSTILE, lines=(HOSTILE, HOSTILE), service=HOSTILE, environment=HOSTILE, project=HOSTILE
)


@dataclass(frozen=True)
class Authority:
    """A certificate authority of a test: contexts for servers of a name, and for clients that trust it."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, folder: Path) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(folder, key, sign("an authority", key, None, key))

    def server(self, name: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = sign(name, key, self.certificate, self.key)
        path = self.folder / f"{uuid4()}.pem"
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, form, plain)
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def client(self) -> ssl.SSLContext:
        pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)


def sign(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Certificate | None, by: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=issuer is None, crl_sign=issuer is None, content_commitment=False,
                key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )  # fmt: skip
    if issuer:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(by, hashes.SHA256())
