"""Log-in, refresh, log-out, one's own account, and tokens for integrators' clients."""

import uuid
from typing import Any

from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response

from fleets import limits, oauth
from fleets.errors import (
    FaceRequired,
    InvalidCode,
    InvalidCredentials,
    InvalidRefreshToken,
    InvalidSecondFactor,
    NoSecondFactor,
    SecondFactorExists,
    SecondFactorRequired,
    TooManyAttempts,
    WeakPassword,
    WrongPassword,
)
from fleets.models import FleetProvider, User
from fleets.selectors import living_log_ins, roles_of
from fleets.serializers import auth as shapes
from fleets.services import auth, codes, invitations, second_factor, socket_tickets
from fleets.tokens import AccessClaims
from voltop import clock
from voltop.addresses import client_address
from voltop.api.permissions import PERSON
from voltop.api.schema import VoltopAutoSchema
from voltop.api.views import OpenView, OperationView
from voltop.errors import PermissionDenied

MORE_TO_SHOW = (SecondFactorRequired, FaceRequired)


class OwnAccountView(OperationView):
    """Routes about the caller's own account; people only, whatever their provider."""

    needs_provider = False

    def person(self) -> tuple[User, AccessClaims]:
        """The person and the token that speaks for them. Raises PermissionDenied for clients."""
        user, claims = self.request.user, self.request.auth
        if not isinstance(user, User) or not isinstance(claims, AccessClaims):
            raise PermissionDenied()
        return user, claims


class LoginView(OpenView):
    """Log in with e-mail or phone and password."""

    input_serializers = {"post": shapes.LoginInputSerializer}
    output_serializers = {"post": shapes.TokenPairSerializer}
    errors = {"post": (InvalidCredentials, *MORE_TO_SHOW, TooManyAttempts)}

    def post(self, request: Request) -> Response:
        values = self.read_input()
        pair = auth.log_in(
            login=values["login"],
            password=values["password"],
            address=client_address(request._request),
            device=auth.Device(**values.get("device", {})),
        )
        return Response(shapes.TokenPairSerializer(pair).data)


class RefreshView(OpenView):
    """The next access and refresh token; each refresh token works once."""

    input_serializers = {"post": shapes.RefreshInputSerializer}
    output_serializers = {"post": shapes.TokenPairSerializer}
    errors = {"post": (InvalidRefreshToken,)}

    def post(self, request: Request) -> Response:
        values = self.read_input()
        pair = auth.refresh(
            refresh_token=values["refresh_token"], device=auth.Device(id=values["device_id"])
        )
        return Response(shapes.TokenPairSerializer(pair).data)


class CodeView(OpenView):
    """Send a six-digit code to an e-mail or phone; the answer is the same for unknown names."""

    input_serializers = {"post": shapes.CodeInputSerializer}
    output_serializers = {"post": shapes.ChallengeSerializer}
    statuses = {"post": 202}
    errors = {"post": (TooManyAttempts,)}

    def post(self, request: Request) -> Response:
        values = self.read_input()
        asked = codes.ask_for_code(
            login=values["login"],
            purpose=values["purpose"],
            address=client_address(request._request),
            device=auth.Device(**values.get("device", {})),
        )
        return Response(shapes.ChallengeSerializer(asked).data, status=202)


class CodeLoginView(OpenView):
    """Log in with a code that was asked for: the challenge, and what was sent."""

    input_serializers = {"post": shapes.CodeLoginInputSerializer}
    output_serializers = {"post": shapes.TokenPairSerializer}
    errors = {"post": (InvalidCode, *MORE_TO_SHOW, TooManyAttempts)}

    def post(self, request: Request) -> Response:
        values = self.read_input()
        pair = codes.log_in_by_code(
            challenge=values["challenge"],
            code=values["code"],
            address=client_address(request._request),
            device=auth.Device(**values.get("device", {})),
        )
        return Response(shapes.TokenPairSerializer(pair).data)


class PasswordResetView(OpenView):
    """A new password with a code; every log-in of the person ends."""

    input_serializers = {"post": shapes.PasswordResetInputSerializer}
    statuses = {"post": 204}
    errors = {"post": (InvalidCode, WeakPassword, TooManyAttempts)}

    def post(self, request: Request) -> Response:
        values = self.read_input()
        codes.reset_password(
            challenge=values["challenge"],
            code=values["code"],
            new=values["new_password"],
            address=client_address(request._request),
        )
        return Response(status=204)


class InvitationView(OpenView):
    """Accept an invitation: set the first password with its code, and be logged in."""

    input_serializers = {"post": shapes.InvitationInputSerializer}
    output_serializers = {"post": shapes.TokenPairSerializer}
    errors = {"post": (InvalidCode, *MORE_TO_SHOW, WeakPassword, TooManyAttempts)}

    def post(self, request: Request) -> Response:
        values = self.read_input()
        pair = invitations.accept_invitation(
            code=values["code"],
            new=values["new_password"],
            address=client_address(request._request),
            device=auth.Device(**values.get("device", {})),
        )
        return Response(shapes.TokenPairSerializer(pair).data)


class SecondFactorLoginView(OpenView):
    """The second step of log-in: its challenge, and a code of the second factor."""

    input_serializers = {"post": shapes.SecondFactorLoginSerializer}
    output_serializers = {"post": shapes.TokenPairSerializer}
    errors = {
        "post": (
            InvalidCredentials,
            FaceRequired,
            InvalidSecondFactor,
            NoSecondFactor,
            TooManyAttempts,
        )
    }

    def post(self, request: Request) -> Response:
        pair = second_factor.finish_log_in(**self.read_input())
        return Response(shapes.TokenPairSerializer(pair).data)


class SecondFactorView(OwnAccountView):
    """Begin to set up a second factor: the secret for an authenticator app, shown this once."""

    permissions = {"post": PERSON}
    output_serializers = {"post": shapes.EnrolmentSerializer}
    errors = {"post": (SecondFactorExists,)}
    idempotency = "refused"

    def post(self, request: Request) -> Response:
        self.read_input()
        user, _claims = self.person()
        begun = second_factor.begin(user, actor=user.actor())
        return Response(shapes.EnrolmentSerializer(begun).data)


class SecondFactorConfirmView(OwnAccountView):
    """Confirm it with a first code; every other log-in ends, recovery codes are shown this once."""

    permissions = {"post": PERSON}
    input_serializers = {"post": shapes.SecondFactorCodeSerializer}
    output_serializers = {"post": shapes.RecoveryCodesSerializer}
    errors = {"post": (InvalidSecondFactor, NoSecondFactor, SecondFactorExists, TooManyAttempts)}
    idempotency = "refused"

    def post(self, request: Request) -> Response:
        user, claims = self.person()
        codes = second_factor.confirm(
            user, self.read_input()["code"], actor=user.actor(), family=claims.family
        )
        return Response(shapes.RecoveryCodesSerializer({"recovery_codes": codes}).data)


class SecondFactorVerifyView(OwnAccountView):
    """Show the second factor again: approvals of money on this log-in count it for five minutes."""

    permissions = {"post": PERSON}
    input_serializers = {"post": shapes.SecondFactorCodeSerializer}
    statuses = {"post": 204}
    errors = {"post": (InvalidSecondFactor, NoSecondFactor, TooManyAttempts)}
    idempotency = "refused"

    def post(self, request: Request) -> Response:
        user, claims = self.person()
        second_factor.verify(user, self.read_input()["code"], family=claims.family)
        return Response(status=204)


class SecondFactorRemoveView(OwnAccountView):
    """Take one's second factor away, with a code of it."""

    permissions = {"post": PERSON}
    input_serializers = {"post": shapes.SecondFactorCodeSerializer}
    statuses = {"post": 204}
    errors = {"post": (InvalidSecondFactor, NoSecondFactor, TooManyAttempts)}
    idempotency = "refused"

    def post(self, request: Request) -> Response:
        user, _claims = self.person()
        second_factor.remove(user, self.read_input()["code"], actor=user.actor())
        return Response(status=204)


class DevicesView(OwnAccountView):
    """Where the caller is logged in."""

    permissions = {"get": PERSON}
    output_serializers = {"get": shapes.OwnDevicesSerializer}

    def get(self, request: Request) -> Response:
        user, claims = self.person()
        devices = living_log_ins(user)
        for device in devices:
            device.current = device.key == claims.family  # type: ignore[attr-defined]
        return Response(shapes.OwnDevicesSerializer({"devices": devices}).data)


class EndDeviceView(OwnAccountView):
    """End one of the caller's log-ins now, with its access tokens: for a phone that was lost."""

    permissions = {"post": PERSON}
    statuses = {"post": 204}

    def post(self, request: Request, key: str) -> Response:
        self.read_input()
        user, _claims = self.person()
        auth.end_device(user, actor=user.actor(), key=uuid.UUID(key))
        return Response(status=204)


class LogoutView(OwnAccountView):
    """End this log-in now, with its access tokens."""

    permissions = {"post": PERSON}
    statuses = {"post": 204}

    def post(self, request: Request) -> Response:
        user, claims = self.person()
        auth.log_out(user, actor=user.actor(), family=claims.family)
        return Response(status=204)


class LogoutEverywhereView(OwnAccountView):
    """End all log-ins of the caller now, this one included."""

    permissions = {"post": PERSON}
    statuses = {"post": 204}

    def post(self, request: Request) -> Response:
        user, _claims = self.person()
        auth.log_out_everywhere(user, actor=user.actor())
        return Response(status=204)


class SocketTicketView(OwnAccountView):
    """A ticket that opens one socket at the active company: its first message (docs/chat.md)."""

    permissions = {"post": PERSON}
    output_serializers = {"post": shapes.SocketTicketSerializer}
    statuses = {"post": 201}
    errors = {"post": (TooManyAttempts,)}
    needs_provider = True
    idempotency = "refused"

    def post(self, request: Request) -> Response:
        user, claims = self.person()
        made = socket_tickets.issue_ticket(user, actor=self.actor, family=claims.family)
        return Response(shapes.SocketTicketSerializer(made).data, status=201)


class PasswordView(OwnAccountView):
    """Change one's password: every log-in ends, this device gets new tokens."""

    permissions = {"post": PERSON}
    input_serializers = {"post": shapes.PasswordInputSerializer}
    output_serializers = {"post": shapes.TokenPairSerializer}
    errors = {"post": (WrongPassword, WeakPassword, TooManyAttempts)}
    idempotency = "refused"

    def post(self, request: Request) -> Response:
        user, claims = self.person()
        values = self.read_input()
        pair = auth.change_password(
            user,
            actor=user.actor(),
            current=values["current_password"],
            new=values["new_password"],
            family=claims.family,
        )
        return Response(shapes.TokenPairSerializer(pair).data)


class MeView(OwnAccountView):
    """Who the caller is, and which roles they hold at which providers."""

    permissions = {"get": PERSON}
    output_serializers = {"get": shapes.MeSerializer}

    def get(self, request: Request) -> Response:
        user, _claims = self.person()
        roles = roles_of(user)
        providers = [
            {
                "id": p.pk,
                "name": p.name,
                "status": p.status,
                "is_sandbox": p.is_sandbox,
                "roles": sorted(roles[p.pk]),
            }
            for p in FleetProvider.objects.filter(pk__in=roles).order_by("name")
        ]
        shown: dict[str, Any] = {
            name: getattr(user, name)
            for name in ("id", "email", "phone", "full_name", "language", "time_zone")
        }
        shown |= {"providers": providers, "second_factor": second_factor.has_one(user)}
        return Response(shapes.MeSerializer(shown).data)


class OAuthAutoSchema(VoltopAutoSchema):
    """Describes refusals in the shape of RFC 6749 §5.2."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        responses = super()._get_response_bodies(direction)
        for status in ("400", "401"):
            responses[status] = self._get_response_for_code(shapes.OAuthErrorSerializer, status)
        return dict(sorted(responses.items()))


class ClientTokenView(OpenView):
    """OAuth2 token endpoint for API clients (RFC 6749 §4.4).

    As that RFC demands, the one route that takes a form and answers errors in the RFC's shape;
    only a request that reaches no OAuth rule at all (too large, too many) gets a problem document.
    """

    input_serializers = {"post": shapes.ClientTokenInputSerializer}
    output_serializers = {"post": shapes.ClientTokenSerializer}
    errors = {"post": (TooManyAttempts,)}
    body_max_bytes = 8_192
    schema = OAuthAutoSchema()
    parser_classes = (FormParser,)  # for the description; `fleets.oauth` reads the form itself

    def post(self, request: Request) -> Response:
        at = clock.now()
        address = client_address(request._request)
        body = self.read_body()
        limits.take(limits.CLIENT_ADDRESS, address, at=at)
        status, headers, answer = oauth.answer_token_request(
            body,
            request.META.get("CONTENT_TYPE", ""),
            request.META.get("HTTP_AUTHORIZATION", ""),
        )
        if status == 200:
            limits.give_back(limits.CLIENT_ADDRESS, address, at=at)
        return Response(answer, status=status, headers=headers)
