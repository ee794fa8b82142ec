"""The pages' own answers to what they refuse: the menu, the reason and a way back.

For people of the admin only; everybody else, and every address outside it, gets a plain page for
what is not there, and Django's for the rest.
What cannot be done right now is told to everybody, by a page that asks the database nothing.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from voltop.database import outages
from voltop.errors import DomainError

REASONS: dict[int, tuple[Any, Any]] = {
    400: (
        _("This address cannot be answered"),
        _("It asks for something that this page does not offer."),
    ),
    403: (
        _("Not for your role"),
        _("Your role does not open this page. Whoever manages your company's staff can change it."),
    ),
    404: (_("There is no such page"), _("The address is wrong, or what stood here is gone.")),
}


def refused(request: HttpRequest, status: int) -> HttpResponse | None:
    """The page; None where the request is not that of somebody who has an admin."""
    user = getattr(request, "user", None)
    if not request.path_info.startswith("/admin/") or user is None:
        return None
    if not admin.site.has_permission(request):
        return None
    title, reason = REASONS[status]
    context = {**admin.site.each_context(request), "title": title, "reason": reason}
    return render(request, "voltop/refused.html", context, status=status)


def missing(request: HttpRequest) -> HttpResponse:
    """The page of an address at which nothing stands, without the admin; asks no database."""
    title, reason = REASONS[404]
    context = {"title": title, "reason": reason, "address": "/"}
    return HttpResponse(render_to_string("voltop/unavailable.html", context), status=404)


def unavailable(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The page for what may be tried again (503): a database that is away, a row that is locked.

    Where something was sent that may have taken effect, it says so.
    """
    work = outages.current()
    reason = error.detail
    if work is not None and work.took_effect:
        reason = _(
            "The connection to the database was lost while this was being saved. It may have been "
            "saved: look before you do it again."
        )
    context = {"title": _("Not right now"), "reason": reason, "address": request.get_full_path()}
    page = render_to_string("voltop/unavailable.html", context)
    return HttpResponse(page, status=error.status)
