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


def kinds() -> list[NoticeKind]:
    return [PAID, NOT_PAID]
