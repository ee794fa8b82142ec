"""The active provider of a browser session (the admin).

The API resolves its own, per request, from the token and `X-Voltop-Provider`.
"""

from collections.abc import Callable
from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from fleets.models import FleetProvider, FleetProviderStatus, User
from fleets.selectors import second_factor_demanded, standing_of
from fleets.services import invitations, second_factor
from voltop import clock

SESSION_KEY = "voltop_provider_id"
SHOWN_KEY = "voltop_second_factor_at"
"""When the second factor was last shown in this browser session, in ISO 8601."""

OPEN_PATHS = ("/admin/login/", "/admin/logout/", "/admin/jsi18n/")


class ActiveProviderMiddleware:
    """Fixes a session user's provider: the one chosen, else the first that the user has joined.

    Platform staff without a membership have none and see what `view_all_providers` opens.
    The pages tell times in the company's zone, without one in UTC.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if SESSION_KEY in request.session or request.path.startswith("/admin/"):
            user = request.user
            if isinstance(user, User):
                standing = standing_of(user)
                roles, chosen = standing.roles, request.session.get(SESSION_KEY)
                provider_id = chosen if chosen in roles else next(iter(standing.choices), None)
                provider = FleetProvider.objects.filter(pk=provider_id or 0).first()
                user.use_provider(
                    provider_id,
                    roles.get(provider_id or 0, frozenset()),
                    suspended=provider is not None
                    and provider.status == FleetProviderStatus.SUSPENDED,
                )
                shown = request.session.get(SHOWN_KEY)
                user.second_factor_at = datetime.fromisoformat(shown) if shown else None
                if provider_id in standing.invited and _may_act(user, request):
                    invitations.take_up(user, provider_id)
                request.active_provider = provider  # type: ignore[attr-defined]
                if provider is not None:
                    with timezone.override(clock.shown_zone(provider.time_zone)):
                        return self.get_response(request)
        return self.get_response(request)


class SecondFactorMiddleware:
    """No page of the admin for who has a second factor, or must have one, and has not shown it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/admin/") and request.path not in OPEN_PATHS:
            user = request.user
            if isinstance(user, User) and _lacks_second_factor(user):
                onward = urlencode({"next": request.get_full_path()})
                return HttpResponseRedirect(f"{reverse('second-factor')}?{onward}")
        return self.get_response(request)


def _may_act(user: User, request: HttpRequest) -> bool:
    """Whether this is somebody at work at the company, who so takes its invitation up."""
    return request.path not in OPEN_PATHS and not _lacks_second_factor(user)


def _lacks_second_factor(user: User) -> bool:
    return user.second_factor_at is None and _is_wanted(user)


def _is_wanted(user: User) -> bool:
    return second_factor_demanded(user, user.provider_id) or second_factor.has_one(user)
