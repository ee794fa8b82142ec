"""Erasing a driver in the admin: a page of its own, for it is more than a press of a button.

Asked for are a reason, the driver's name typed, and a second factor shown just now.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from drivers import services
from drivers.models import Driver
from drivers.services.erasure import is_erased, require_gone
from fleets.admin.base import admin_actor, scoped
from voltop.errors import DomainError

PERMISSION = "drivers.erase_driver"


class EraseForm(forms.Form):
    name = forms.CharField(
        max_length=161, widget=UnfoldAdminTextInputWidget, label=_("The driver's name, typed")
    )
    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextareaWidget, label=_("Reason"))


def urls() -> list[URLPattern]:
    """The page's address, below those of the drivers in the admin."""
    return [path("<int:pk>/erase/", admin.site.admin_view(page), name="drivers_driver_erase")]


def page(request: HttpRequest, pk: int) -> HttpResponse:
    """What erasing means, and the form that does it, or why it cannot be done now."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    driver = get_object_or_404(scoped(Driver.objects.all(), request), pk=pk)
    form = EraseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.erase_by_hand(driver, actor=admin_actor(request), **form.cleaned_data)
        except DomainError as error:
            form.add_error(_field(error), _words(error))
        else:
            messages.success(request, _("The driver is erased."))
            return HttpResponseRedirect(reverse("admin:drivers_driver_change", args=[driver.pk]))
    context = {
        **admin.site.each_context(request),
        "title": _("Erase this driver for good"),
        "driver": driver,
        "form": form,
        "erased": is_erased(driver),
        "why_not": _why_not(driver),
    }
    status = 400 if form.errors else 200
    return TemplateResponse(request, "drivers/erase.html", context, status=status)


def _why_not(driver: Driver) -> str:
    """What stands against erasing the driver now; empty where nothing does."""
    try:
        require_gone(driver)
    except DomainError as error:
        return _words(error)
    return ""


def _field(error: DomainError) -> str | None:
    """The field that is wrong, where the page has it."""
    return error.field if error.field in EraseForm.base_fields else None


def _words(error: DomainError) -> str:
    """With what is open, where that is why."""
    blockers: Any = error.extra.get("blockers", [])
    codes = ", ".join(f"{each['code']}: {each['count']}" for each in blockers)
    return f"{error.detail} {codes}".strip()
