"""The one error of the house: `DomainError` and its kernel-wide kinds.

A subclass is a rule somebody can break; it is raised anywhere and turned into the API's problem
document in one place (`voltop.api.exceptions`). Codes are stable and unique, and listed in
docs/errors.md. Not here: how an error is rendered.
"""

from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class DomainError(Exception):
    """A broken rule, with a stable code.

    `field` names the offending input in dotted form, `detail` overrides the class's message,
    `retry_after_s` becomes a Retry-After header, everything else is `extra`: machine-readable
    facts (JSON scalars, lists, dicts) that tell the caller what to do. `constraints` names the
    database constraints that guard the same rule: breaking one raises this error.
    """

    code: ClassVar[str] = ""
    status: ClassVar[int] = 409
    message: ClassVar[Text] = ""
    constraints: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        *,
        field: str = "",
        detail: Text | None = None,
        retry_after_s: int | None = None,
        **extra: Any,
    ) -> None:
        self.field = field
        self.detail: Text = detail if detail is not None else self.message
        self.retry_after_s = retry_after_s
        self.extra = extra
        super().__init__(self.code)

    def __str__(self) -> str:
        return f"{self.code}: {self.detail} {self.extra or ''}".strip()


class NotFound(DomainError):
    """Absent, or another provider's: the two are never told apart."""

    code = "not_found"
    status = 404
    message = _("There is no such object.")


class PermissionDenied(DomainError):
    code = "permission_denied"
    status = 403
    message = _("Your role does not allow this.")


class NotAuthenticated(DomainError):
    code = "not_authenticated"
    status = 401
    message = _("Log in first.")


class IllegalMove(DomainError):
    """A state machine does not have this move; `extra` tells state, to and allowed."""

    code = "illegal_move"
    message = _("This move is not possible from the present state.")


class StaleVersion(DomainError):
    code = "stale_version"
    status = 412
    message = _("Somebody changed this in the meantime: read it again.")


class LockBusy(DomainError):
    """A row lock was not to be had within the bounded wait."""

    code = "lock_busy"
    status = 503
    message = _("Somebody else is changing this right now: try again.")


class ReasonRequired(DomainError):
    code = "reason_required"
    status = 400
    message = _("Give a reason.")


def given_reason(reason: str, field: str = "reason") -> str:
    """The reason without blanks around it. Raises ReasonRequired (400) where there is none."""
    if not reason.strip():
        raise ReasonRequired(field=field)
    return reason.strip()


def all_error_classes() -> dict[str, type[DomainError]]:
    """Every concrete error by its code; two classes with one code are a programming error."""
    found: dict[str, type[DomainError]] = {}
    queue: list[type[DomainError]] = [DomainError]
    while queue:
        for subclass in queue.pop().__subclasses__():
            queue.append(subclass)
            if not subclass.code:
                continue
            if found.setdefault(subclass.code, subclass) is not subclass:
                raise RuntimeError(f"error code {subclass.code} is used twice: {subclass}")
    return found
