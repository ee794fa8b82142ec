"""API addresses of fleets, below /api/v1/."""

from django.urls import URLPattern, URLResolver, re_path

from fleets.views import (
    api_clients,
    auth,
    events,
    imports,
    inbox,
    notices,
    providers,
    refs,
    sandboxes,
    webhooks,
)
from voltop.api.routers import Router

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

router = Router()
router.register("providers", providers.ProviderView, basename="providers")
router.register("policies", providers.PolicyView, basename="policies")
router.register("depots", providers.DepotView, basename="depots")
router.register("memberships", providers.MembershipView, basename="memberships")
router.register("api-clients", api_clients.ApiClientView, basename="api-clients")
router.register("events", events.EventView, basename="events")
router.register("external-refs", refs.ExternalRefView, basename="external-refs")
router.register("webhook-endpoints", webhooks.EndpointView, basename="webhook-endpoints")
router.register("webhook-deliveries", webhooks.DeliveryView, basename="webhook-deliveries")
router.register("inbox", inbox.InboxView, basename="inbox")
router.register("imports", imports.DataImportView, basename="imports")
router.register(
    r"imports/(?P<import_pk>[0-9]{1,18})/problems",
    imports.DataImportProblemView,
    basename="import-problems",
)
router.register("me/notices", notices.NoticeView, basename="me-notices")
router.register("audit", providers.AuditView, basename="audit")

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^auth/token/?$", auth.LoginView.as_view(), name="auth-token"),
    re_path(r"^auth/refresh/?$", auth.RefreshView.as_view(), name="auth-refresh"),
    re_path(r"^auth/logout/?$", auth.LogoutView.as_view(), name="auth-logout"),
    re_path(
        r"^auth/logout-everywhere/?$",
        auth.LogoutEverywhereView.as_view(),
        name="auth-logout-everywhere",
    ),
    re_path(r"^auth/socket-ticket/?$", auth.SocketTicketView.as_view(), name="auth-socket-ticket"),
    re_path(r"^auth/password/?$", auth.PasswordView.as_view(), name="auth-password"),
    re_path(r"^auth/codes/?$", auth.CodeView.as_view(), name="auth-codes"),
    re_path(r"^auth/code-login/?$", auth.CodeLoginView.as_view(), name="auth-code-login"),
    re_path(
        r"^auth/password-reset/?$", auth.PasswordResetView.as_view(), name="auth-password-reset"
    ),
    re_path(r"^auth/invitation/?$", auth.InvitationView.as_view(), name="auth-invitation"),
    re_path(r"^auth/second-factor/?$", auth.SecondFactorView.as_view(), name="second-factor-begin"),
    re_path(
        r"^auth/second-factor/log-in/?$",
        auth.SecondFactorLoginView.as_view(),
        name="second-factor-log-in",
    ),
    re_path(
        r"^auth/second-factor/confirm/?$",
        auth.SecondFactorConfirmView.as_view(),
        name="second-factor-confirm",
    ),
    re_path(
        r"^auth/second-factor/verify/?$",
        auth.SecondFactorVerifyView.as_view(),
        name="second-factor-verify",
    ),
    re_path(
        r"^auth/second-factor/remove/?$",
        auth.SecondFactorRemoveView.as_view(),
        name="second-factor-remove",
    ),
    re_path(r"^auth/devices/?$", auth.DevicesView.as_view(), name="auth-devices"),
    re_path(
        rf"^auth/devices/(?P<key>{UUID})/end/?$",
        auth.EndDeviceView.as_view(),
        name="auth-device-end",
    ),
    re_path(r"^auth/me/?$", auth.MeView.as_view(), name="auth-me"),
    re_path(r"^me/notice-choice/?$", notices.NoticeChoiceView.as_view(), name="me-notice-choice"),
    re_path(r"^sandbox/reset/?$", sandboxes.SandboxResetView.as_view(), name="sandbox-reset"),
    re_path(r"^oauth/token/?$", auth.ClientTokenView.as_view(), name="oauth-token"),
    *router.urls,
]
