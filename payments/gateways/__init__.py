"""The ways to a bank: one small interface, one module for each kind.

A gateway talks; it decides nothing and writes nothing. What it says of a payout is an `Outcome`.
"""

from django.conf import settings

from fleets.models import FleetProvider
from payments.errors import SandboxBankOnly
from payments.gateways.base import Answer, Gateway, Instruction, Movement, Outcome
from payments.gateways.http import HttpGateway
from payments.models import FundingAccount, GatewayKind
from voltop import crypto

SECRET_CONTEXT = "payments_fundingaccount|secret"  # noqa: S105 (a context, not a secret)


def gateway_of(account: FundingAccount) -> Gateway:
    """The gateway of an account to pay from, with its secret in clear for this call only.

    Raises SandboxBankOnly where a company for tests would reach another bank.
    """
    require_sandbox_bank(account.provider, account.endpoint)
    if account.gateway != GatewayKind.HTTP:
        raise RuntimeError(f"no gateway of kind {account.gateway}")
    secret = crypto.decrypt(
        subject=subject_of(account.provider_id, account.name),
        provider_id=account.provider_id,
        context=SECRET_CONTEXT,
        ciphertext=bytes(account.secret),
    )
    return HttpGateway(account.endpoint, secret.decode())


def require_sandbox_bank(provider: FleetProvider, endpoint: str) -> None:
    """Guard of every way to a bank: from a company for tests none leads to a real one.

    Raises SandboxBankOnly (400).
    """
    if provider.is_sandbox and (
        not settings.SANDBOX_BANK_URL or endpoint.rstrip("/") != settings.SANDBOX_BANK_URL
    ):
        raise SandboxBankOnly(field="endpoint")


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
    "require_sandbox_bank",
    "subject_of",
]
