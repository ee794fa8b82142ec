"""What follows from a new password, whichever way it came: API, admin, command line.

Registered among AUTH_PASSWORD_VALIDATORS because Django tells those when a password was saved;
nothing is judged here.
"""

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.translation import gettext as _

from fleets.models import RevokeReason, User
from voltop import clock


class EndsLogIns:
    """A new password ends the log-ins of every device, and every code that was sent before it."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Any password will do for this one."""

    def password_changed(self, password: str, user: AbstractBaseUser | None = None) -> None:
        from fleets.services import auth, codes  # services judge passwords: not at the top

        if isinstance(user, User) and user.pk:
            auth.end_log_ins(user, reason=RevokeReason.PASSWORD_CHANGED)
            codes.end_codes(user.pk, at=clock.now())

    def get_help_text(self) -> str:
        return _("A new password ends every log-in, on this and on other devices.")
