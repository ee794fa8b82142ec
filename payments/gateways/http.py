"""A bank with an HTTP API (JSON) and idempotency keys.

    POST {endpoint}/payouts        Idempotency-Key, amount as a decimal string
    GET  {endpoint}/payouts/{key}
    GET  {endpoint}/book?after=N

An answer counts only if it names our key, amount and currency: a wire may deliver the answer of
another request, or one twice.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from django.conf import settings

from payments.errors import BankUnreachable
from payments.gateways.base import Answer, Instruction, Movement, Outcome
from voltop import http
from voltop.errors import DomainError

PAGE_MAX_BYTES = 1_000_000
REASON_CHARS = 200


class HttpGateway:
    """One account at one bank; a connection per call, bounded by settings.BANK_TIMEOUT_S."""

    def __init__(self, endpoint: str, token: str) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}

    def submit(self, instruction: Instruction) -> Outcome:
        body = {
            "amount": format(instruction.amount, "f"),
            "currency": instruction.currency,
            "reference": instruction.reference,
            "creditor": {
                "name": instruction.holder,
                "kind": instruction.kind,
                "account": dict(instruction.details),
            },
        }
        try:
            response = http.post_json(
                f"{self._endpoint}/payouts",
                body,
                headers={**self._headers, "Idempotency-Key": instruction.key},
                timeout_s=settings.BANK_TIMEOUT_S,
            )
            return _outcome(response, instruction)
        except DomainError as error:
            return _no_answer(error)

    def ask(self, instruction: Instruction) -> Outcome:
        try:
            response = http.get_json(
                f"{self._endpoint}/payouts/{quote(instruction.key)}",
                headers=self._headers,
                timeout_s=settings.BANK_TIMEOUT_S,
            )
            if response.status == 404 and _error_of(response) == "unknown_key":
                return Outcome(Answer.UNHEARD)
            return _outcome(response, instruction)
        except DomainError as error:
            return _no_answer(error)

    def movements(self, after: int) -> tuple[list[Movement], int | None]:
        try:
            response = http.get_json(
                f"{self._endpoint}/book?after={after}",
                headers=self._headers,
                timeout_s=settings.BANK_TIMEOUT_S,
                max_bytes=PAGE_MAX_BYTES,
            )
            if not response.ok:
                raise BankUnreachable(status=response.status)
            body = response.json()
            following = body["next"]
            return [_movement(row) for row in body["movements"]], following
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise BankUnreachable(reason="malformed") from error
        except DomainError as error:
            if isinstance(error, BankUnreachable):
                raise
            raise BankUnreachable(reason=error.code) from error


def _outcome(response: http.Response, instruction: Instruction) -> Outcome:
    """What an answer means; anything that is not clearly about this payout is unknown."""
    if response.status == 400 and _error_of(response) == "invalid_request":
        return Outcome(Answer.REFUSED, reason=_text(response.json().get("detail")))
    if response.status not in (200, 201):
        return Outcome(Answer.UNKNOWN, reason=f"http_{response.status}")
    body = response.json()
    if not isinstance(body, dict) or not _is_about(body, instruction):
        return Outcome(Answer.UNKNOWN, reason="answer of another request")
    if body.get("status") not in ("settled", "refused", "returned"):
        return Outcome(Answer.UNKNOWN, reason="unknown status")
    return Outcome(
        Answer(body["status"]), bank_ref=_text(body.get("bank_ref")), reason=_text(body["reason"])
    )


def _is_about(body: Mapping[str, Any], instruction: Instruction) -> bool:
    try:
        same_amount = Decimal(str(body["amount"])) == instruction.amount
    except (KeyError, InvalidOperation):
        return False
    return (
        same_amount
        and body.get("key") == instruction.key
        and body.get("currency") == instruction.currency
        and "reason" in body
        and bool(body.get("bank_ref"))
    )


def _no_answer(error: DomainError) -> Outcome:
    reason = str(error.extra.get("reason", ""))
    return Outcome(Answer.UNKNOWN, reason=f"{error.code} {reason}".strip())


def _error_of(response: http.Response) -> str:
    body = response.json()
    return str(body.get("error", "")) if isinstance(body, dict) else ""


def _movement(row: Mapping[str, Any]) -> Movement:
    return Movement(
        seq=int(row["seq"]),
        kind=_text(row["kind"]),
        key=_text(row["key"])[:64],
        bank_ref=_text(row["bank_ref"])[:64],
        reference=_text(row["reference"])[:64],
        amount=Decimal(row["amount"]),
        currency=_text(row["currency"])[:3],
        reason=_text(row["reason"]),
        booked_at=datetime.fromisoformat(row["booked_at"]),
    )


def _text(value: Any) -> str:
    return str(value or "")[:REASON_CHARS]
