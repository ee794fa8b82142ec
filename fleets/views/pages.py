"""Pages for people who are not logged in yet: an invitation's first password, a forgotten one.

The same services as in the API, for whoever has only a browser. And the
second factor for the browser. Not here: logging in to the admin (Django's own page).
"""

import base64
from datetime import datetime
from typing import Any

import qrcode
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View
from qrcode.image.svg import SvgPathImage
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from fleets.middleware import SHOWN_KEY
from fleets.models import CodePurpose, User
from fleets.services import auth, codes, invitations
from fleets.services import second_factor as factors
from voltop import clock
from voltop.addresses import client_address
from voltop.errors import DomainError

CHALLENGE_KEY = "voltop_code_challenge"


def _text(label: Any, **attributes: str) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=254, widget=UnfoldAdminTextInputWidget(attrs=attributes)
    )


def _new_password() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("New password"),
        max_length=auth.MAX_PASSWORD_CHARS,
        strip=False,
        help_text=gettext_lazy("Ten characters or more, and not one that everybody uses."),
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )


class InvitationForm(forms.Form):
    code = _text(gettext_lazy("Code of your invitation"), autocomplete="off", autofocus="")
    new_password = _new_password()


class LoginNameForm(forms.Form):
    login = _text(gettext_lazy("E-mail or phone"), autocomplete="username", autofocus="")


class SecondFactorForm(forms.Form):
    code = _text(gettext_lazy("Code"), autocomplete="one-time-code", autofocus="")


class CodeForm(forms.Form):
    code = _text(gettext_lazy("Code"), autocomplete="one-time-code", inputmode="numeric")
    new_password = _new_password()


@method_decorator((never_cache, sensitive_post_parameters()), name="dispatch")
class AccountPage(View):
    """One form on a page; what a service refuses is shown in it, with what was typed."""

    form_class: type[forms.Form]
    title: Any = ""
    told: Any = ""
    button: Any = ""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(self.form_class(initial=request.GET.dict()))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form_class(request.POST)
        if not form.is_valid():
            return self.show(form)
        try:
            return self.do(form.cleaned_data)
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error.detail))
            return self.show(form, status=error.status)

    def do(self, values: dict[str, Any]) -> HttpResponse:
        """What a filled-in form is for."""
        raise NotImplementedError

    def show(self, form: forms.Form | None, *, status: int = 200, **more: Any) -> HttpResponse:
        context = admin.site.each_context(self.request) | {
            "title": self.title,
            "told": self.told,
            "button": self.button,
            "form": form,
        }
        return render(self.request, "fleets/account.html", context | more, status=status)

    def done(self, *, staff: bool) -> HttpResponse:
        """The end of the way: to the admin's log-in, or back to the app."""
        if staff:
            return self.show(
                None,
                told=_("Your password is set. Log in with it."),
                onward=settings.LOGIN_URL,
                onward_label=_("Log in"),
            )
        return self.show(
            None,
            told=_("Your password is set. Log in with it in the app."),
            onward="/driver/",
            onward_label=_("Log in"),
        )

    def address(self) -> str:
        return client_address(self.request)


class WelcomePage(AccountPage):
    """Choose a first password with an invitation's code."""

    form_class = InvitationForm
    title = gettext_lazy("Welcome")
    told = gettext_lazy("Choose a password with the code that was sent to you.")
    button = gettext_lazy("Set password")

    def do(self, values: dict[str, Any]) -> HttpResponse:
        user = invitations.set_first_password(
            code=values["code"], new=values["new_password"], address=self.address()
        )
        return self.done(staff=user.is_staff)


class ForgottenPage(AccountPage):
    """Ask for a code; the page goes on alike for names that nobody has."""

    form_class = LoginNameForm
    title = gettext_lazy("Forgotten your password?")
    told = gettext_lazy("We send a code to your e-mail or phone.")
    button = gettext_lazy("Send code")

    def do(self, values: dict[str, Any]) -> HttpResponse:
        asked = codes.ask_for_code(
            login=values["login"],
            purpose=CodePurpose.PASSWORD,
            address=self.address(),
            device=auth.Device(),
        )
        self.request.session[CHALLENGE_KEY] = asked.challenge
        return redirect("forgotten-code")


class ForgottenCodePage(AccountPage):
    """Set a new password with the code that was sent."""

    form_class = CodeForm
    title = gettext_lazy("New password")
    told = gettext_lazy("If the name you gave is known, a code is on its way to you.")
    button = gettext_lazy("Set password")

    def do(self, values: dict[str, Any]) -> HttpResponse:
        user = codes.reset_password(
            challenge=self.request.session.get(CHALLENGE_KEY, ""),
            code=values["code"],
            new=values["new_password"],
            address=self.address(),
        )
        del self.request.session[CHALLENGE_KEY]
        return self.done(staff=user.is_staff)


@method_decorator((never_cache, login_required), name="dispatch")
class SecondFactorPage(AccountPage):
    """Show one's second factor to this browser session, or set one up: a QR code, a first code."""

    form_class = SecondFactorForm
    title = gettext_lazy("Second factor")
    button = gettext_lazy("Confirm")

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(self.form_class())

    def do(self, values: dict[str, Any]) -> HttpResponse:
        user, code = self.person(), values["code"]
        if factors.has_one(user):
            at = factors.verify(user, code, family=None)
            self._remember(at)
            return redirect(self._onward())
        recovery = factors.confirm(user, code, actor=user.actor(), family=None)
        self._remember(clock.now())
        return self.show(
            None,
            told=_("Your second factor is set up. Each of these codes stands in for it once:"),
            codes=recovery,
            onward=self._onward(),
            onward_label=_("I have put them away"),
        )

    def show(self, form: forms.Form | None, *, status: int = 200, **more: Any) -> HttpResponse:
        user = self.person()
        if form is not None and factors.has_one(user):
            more["told"] = _("Enter the code of your authenticator app, or a recovery code.")
        elif form is not None:
            begun = factors.begun(user) or factors.begin(user, actor=user.actor())
            more |= {
                "told": _("Scan this with an authenticator app, and enter the code it shows."),
                "qr": _qr(begun.uri),
                "secret": begun.secret,
            }
        return super().show(form, status=status, **more)

    def person(self) -> User:
        if not isinstance(self.request.user, User):
            raise RuntimeError("the page was reached without a user")
        return self.request.user

    def _remember(self, at: datetime) -> None:
        self.request.session.cycle_key()
        self.request.session[SHOWN_KEY] = at.isoformat()

    def _onward(self) -> str:
        onward = self.request.GET.get("next", "")
        safe = url_has_allowed_host_and_scheme(
            onward, {self.request.get_host()}, require_https=self.request.is_secure()
        )
        return onward if safe else settings.LOGIN_REDIRECT_URL


def _qr(text: str) -> str:
    """A QR code as a data address that an image can have."""
    drawn = qrcode.make(text, image_factory=SvgPathImage, box_size=8).to_string()
    return "data:image/svg+xml;base64," + base64.b64encode(drawn).decode()


welcome = WelcomePage.as_view()
forgotten = ForgottenPage.as_view()
forgotten_code = ForgottenCodePage.as_view()
second_factor = SecondFactorPage.as_view()
