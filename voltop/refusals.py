"""The admin's own pages for what it refuses: the menu, the reason and a way back.

For people of the admin only; everybody else, and every address outside it, gets Django's page.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

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
