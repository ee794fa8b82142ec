"""What drivers are told of their money."""

from django.utils.translation import gettext_lazy as _

from voltop.notices import NoticeKind

PAID = NoticeKind(
    "payments.paid",
    _("You have been paid"),
    _("%(amount)s %(currency)s are on their way to your account. Reference: %(reference)s."),
)
NOT_PAID = NoticeKind(
    "payments.not_paid",
    _("Your payment did not arrive"),
    _(
        "The bank did not take the payment of %(amount)s %(currency)s to your account. Your money "
        "is safe: please check your payout account, your company will pay again."
    ),
)
DEBT = NoticeKind(
    "payments.debt",
    _("You owe your company money"),
    _(
        "%(amount)s %(currency)s are carried over to your next payment. Ask your company if you do "
        "not know why: it may stop new shifts while a debt is too high."
    ),
)


def kinds() -> list[NoticeKind]:
    return [PAID, NOT_PAID, DEBT]
