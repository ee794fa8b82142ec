"""The ways to a bank: one small interface, one module for each kind.

A gateway talks; it decides nothing and writes nothing. What it says of a payout is an `Outcome`.
"""

from payments.gateways.base import Answer, Gateway, Instruction, Movement, Outcome
from payments.gateways.http import HttpGateway
from payments.models import FundingAccount, GatewayKind
from voltop import crypto

SECRET_CONTEXT = "payments_fundingaccount|secret"  # noqa: S105 (a context, not a secret)


def gateway_of(account: FundingAccount) -> Gateway:
    """The gateway of an account to pay from, with its secret in clear for this call only."""
    if account.gateway != GatewayKind.HTTP:
        raise RuntimeError(f"no gateway of kind {account.gateway}")
    secret = crypto.decrypt(
        subject=subject_of(account.provider_id, account.name),
        provider_id=account.provider_id,
        context=SECRET_CONTEXT,
        ciphertext=bytes(account.secret),
    )
    return HttpGateway(account.endpoint, secret.decode())


def subject_of(provider_id: int, name: str) -> str:
    """The name of the encryption key of an account to pay from."""
    return f"payments.fundingaccount:{provider_id}:{name}"


__all__ = [
    "SECRET_CONTEXT",
    "Answer",
    "Gateway",
    "HttpGateway",
    "Instruction",
    "Movement",
    "Outcome",
    "gateway_of",
    "subject_of",
]
