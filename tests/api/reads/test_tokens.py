"""The estimate is close to a real tokenizer, and the forms save what they promise, counted by it."""

import base64
import csv
import io
import json
import random
import time
from typing import Any

import pytest
from rs_bpe import openai

from api.reads.tokens import estimate_tokens
from common.settings import ROOT
from tests.conftest import Project, Service

O200K = openai.o200k_base()
RANDOM = random.Random(7)
TRACE = "Traceback (most recent call last):\n" + "".join(
    f'  File "/srv/shop/{module}.py", line {line}, in {name}\n    return await {name}(order, retries={line % 5})\n'
    for module, line, name in [("checkout", 214, "settle"), ("payments/client", 88, "charge"), ("http", 41, "post")]
)
ERRORS = [
    {
        "id": f"0192f0c0-7c3a-7d1e-9b2f-{RANDOM.getrandbits(48):012x}",
        "timestamp": f"2026-11-24T06:{n:02}:11.{RANDOM.randrange(10**6):06}Z",
        "service": RANDOM.choice(["checkout", "login", "search-indexer"]),
        "severity": RANDOM.choice(["error", "warning", "critical"]),
        "message": f"payment {RANDOM.randrange(10**6)} failed: card declined by issuer {RANDOM.randrange(99)}",
    }
    for n in range(30)
]


def as_table(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


TEXTS = {
    "compact JSON": json.dumps(ERRORS, separators=(",", ":")),
    "pretty JSON": json.dumps(ERRORS, indent=2),
    "CSV": as_table(ERRORS),
    "markdown": (ROOT / "docs/api.md").read_text(),
    "prose": (ROOT / "docs/decisions/0003-grouping.md").read_text(),
    "source": (ROOT / "api/app.py").read_text(),
    "schema": (ROOT / "docs/openapi.json").read_text()[:20_000],
    "stack traces": TRACE * 3,
    "ids": "\n".join(f"{RANDOM.getrandbits(128):032x}" for _ in range(40)),
    "base64": base64.b64encode(RANDOM.randbytes(900)).decode(),
    "SQL": "SELECT o.id, sum(i.price * i.amount) FROM orders o JOIN items i USING (order_id) WHERE o.placed_at >= "
    "now() - interval '7 days' AND NOT o.cancelled GROUP BY 1 HAVING count(*) > 3 ORDER BY 2 DESC LIMIT 50;\n" * 2,
    "syslog": "\n".join(
        f"Nov 24 06:{n:02}:09 web-{n % 3} nginx[{2200 + n}]: upstream timed out (110: Connection timed out) while "
        f"reading response header, client: 10.4.{n}.17, upstream: http://127.0.0.1:8{n:03}/cart"
        for n in range(12)
    ),
    "German": "Der Auftrag konnte nicht geprüft werden, weil die Verbindung zum Lager abbrach. Übrige Änderungen wurden "
    "zurückgenommen; bitte später erneut versuchen.",
    "French": "Le paiement a été refusé par la banque après trois tentatives. Vérifiez la carte enregistrée, puis "
    "réessayez ; aucune écriture n'a été validée.",
    "Russian": "Платёж отклонён банком после трёх попыток. Проверьте карту и повторите запрос позже, изменения не "
    "сохранены на сервере.",
    "Chinese": "银行在三次尝试后拒绝了付款。请检查已保存的银行卡,然后稍后重试。服务器没有保存任何更改。",
    "Japanese": "銀行が支払いを拒否しました。登録されたカードを確認してから、しばらくして再度お試しください。",
    "Korean": "은행이 결제를 거절했습니다. 등록된 카드를 확인한 후 나중에 다시 시도하십시오.",
}


@pytest.mark.parametrize("kind", TEXTS)
def test_the_estimate_is_within_a_tenth_of_a_real_tokenizer(kind: str) -> None:
    real = O200K.count(TEXTS[kind])
    assert estimate_tokens(TEXTS[kind]) == pytest.approx(real, rel=0.10)


def test_estimating_takes_time_in_proportion_to_the_text() -> None:
    started = time.process_time()
    for unit in ("a", "A", "1", "a1", "aB", "a1B", "=a", " ", " \n", "\n\t", "é", "+"):
        assert estimate_tokens(unit * 100_000) > 0
    assert time.process_time() - started < 5, "about 1 s; quadratic would be minutes"
    assert estimate_tokens("") == 0


FAILURES = [
    ("checkout", "payment {n} failed: card declined by issuer {m}", "PaymentDeclined"),
    ("checkout", "no stock left for article {n} in warehouse {m}", "OutOfStock"),
    ("login", "user {n} gave a wrong password {m} times", "InvalidCredentials"),
    ("search", "index shard {m} did not answer within {n} ms", "ShardTimeout"),
    ("mailer", "550 mailbox of customer {n} is full, try {m}", "SmtpRefused"),
    ("gateway", "upstream 10.0.{m}.7 reset the connection after {n} bytes", "ConnectionResetError"),
]


async def failing_shop(service: Service) -> Project:
    """A project with six failures in some hundred errors, counted."""
    project = await service.project()
    errors: list[dict[str, Any]] = []
    for n in range(300):
        shop, message, kind = FAILURES[min(int(RANDOM.expovariate(0.5)), 5)]
        errors.append(
            {
                "service": shop,
                "severity": "error",
                "message": message.format(n=1000 + n, m=n % 7),
                "error_type": kind,
                "environment": "production",
                "release": "2026.11.3",
            }
        )
    await project.send(*errors)
    await service.run_worker()
    return project


async def tokens_of(project: Project, path: str, **parameters: Any) -> int:
    answer = await project.read.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    real = O200K.count(answer.text)
    assert int(answer.headers["X-Token-Estimate"]) == pytest.approx(real, rel=0.10)
    return int(real)


async def test_what_is_failing_costs_a_fraction_of_the_tokens_of_recent_errors(service: Service) -> None:
    project = await failing_shop(service)
    recent = await project.get("/api/errors/recent", limit=20)
    pretty = O200K.count(json.dumps(recent, indent=2))
    patterns = await tokens_of(project, "/api/errors/patterns", format="markdown")
    few = await tokens_of(
        project, "/api/errors/recent", limit=20, format="csv", fields="service,severity,error_type,release,message"
    )
    saved = {"patterns": 1 - patterns / pretty, "five fields as CSV": 1 - few / pretty}
    print(f"20 recent errors as pretty JSON: {pretty} tokens; saved: {saved}")  # noqa: T201 - docs/api.md tells it
    assert saved["patterns"] >= 0.83
    assert saved["five fields as CSV"] >= 0.80
