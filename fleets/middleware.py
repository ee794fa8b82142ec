"""The active provider of a browser session (the admin).

The API resolves its own, per request, from the token and `X-Voltop-Provider`.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from fleets.models import FleetProvider, User
from fleets.selectors import roles_of
from voltop import clock

SESSION_KEY = "voltop_provider_id"


class ActiveProviderMiddleware:
    """Fixes a session user's provider: the one chosen, else the first that lets the user in.

    Platform staff without a membership have none and see what `view_all_providers` opens.
    The pages tell times in the company's zone, without one in UTC.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if SESSION_KEY in request.session or request.path.startswith("/admin/"):
            user = request.user
            if isinstance(user, User):
                roles = roles_of(user)
                chosen = request.session.get(SESSION_KEY)
                provider_id = chosen if chosen in roles else next(iter(roles), None)
                user.use_provider(provider_id, roles.get(provider_id or 0, frozenset()))
                provider = FleetProvider.objects.filter(pk=provider_id or 0).first()
                request.active_provider = provider  # type: ignore[attr-defined]
                if provider is not None:
                    with timezone.override(clock.zone(provider.time_zone)):
                        return self.get_response(request)
        return self.get_response(request)
