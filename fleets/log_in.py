"""The admin's log-in form: with which name, and why somebody is not let in."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm


class LogInForm(AuthenticationForm):
    """By e-mail or phone. Whoever has the right password and no admin is told just that."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _("This e-mail or phone number and this password do not go together."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("E-mail or phone")

    def confirm_login_allowed(self, user: Any) -> None:
        if not user.is_staff:
            raise ValidationError(_("This log-in has no admin; use the app."), code="no_admin")
        super().confirm_login_allowed(user)
