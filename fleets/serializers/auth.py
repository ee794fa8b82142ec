"""Shapes of logging in and of API clients."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer

from fleets.models import ApiClient, CodePurpose
from voltop.api import fields
from voltop.api.serializers import ModelSerializer, Serializer


class DeviceInputSerializer(Serializer):
    """The device as it names itself; `id` is a random value that it alone keeps."""

    id = fields.SecretField(max_length=128, min_length=16, required=False, default="")
    name = fields.StrictCharField(max_length=80, allow_blank=True, required=False, default="")


class LoginInputSerializer(Serializer):
    login = fields.StrictCharField(max_length=254)
    password = fields.SecretField()
    device = DeviceInputSerializer(required=False)


class RefreshInputSerializer(Serializer):
    refresh_token = fields.SecretField(max_length=128)
    device_id = fields.SecretField(max_length=128, min_length=16, required=False, default="")


class PasswordInputSerializer(Serializer):
    current_password = fields.SecretField()
    new_password = fields.SecretField()


class TokenPairSerializer(Serializer):
    access_token = fields.StrictCharField(max_length=2048)
    token_type = fields.StrictCharField(max_length=6, default="Bearer")
    expires_in_s = fields.StrictIntegerField()
    refresh_token = fields.StrictCharField(max_length=128)
    refresh_expires_at = fields.InstantField()


class SocketTicketSerializer(Serializer):
    """Shown this once: the first message of one socket, within half a minute."""

    ticket = fields.StrictCharField(max_length=64)
    expires_at = fields.InstantField()


class SecondFactorCodeSerializer(Serializer):
    """A code of the authenticator app, or a recovery code."""

    code = fields.SecretField(max_length=16)


class SecondFactorLoginSerializer(SecondFactorCodeSerializer):
    challenge = fields.SecretField(max_length=1024)


class EnrolmentSerializer(Serializer):
    """Shown this once: the secret in base32, and the same as an address for a QR code."""

    secret = fields.StrictCharField(max_length=64)
    uri = fields.StrictCharField(max_length=400)


class RecoveryCodesSerializer(Serializer):
    """Shown this once: each stands in for the second factor one time."""

    recovery_codes = fields.StrictListField(
        child=fields.StrictCharField(max_length=16), max_length=10
    )


class CodeInputSerializer(Serializer):
    """`purpose` says what the code will open: a log-in, or a new password."""

    login = fields.StrictCharField(max_length=254)
    purpose = fields.StrictChoiceField(
        choices=[(CodePurpose.LOGIN, "login"), (CodePurpose.PASSWORD, "password")]
    )
    device = DeviceInputSerializer(required=False)


class ChallengeSerializer(Serializer):
    challenge = fields.StrictCharField(max_length=64)
    expires_in_s = fields.StrictIntegerField()


class CodeLoginInputSerializer(Serializer):
    challenge = fields.SecretField(max_length=64)
    code = fields.SecretField(max_length=16)
    device = DeviceInputSerializer(required=False)


class PasswordResetInputSerializer(Serializer):
    challenge = fields.SecretField(max_length=64)
    code = fields.SecretField(max_length=16)
    new_password = fields.SecretField()


class InvitationInputSerializer(Serializer):
    """The code as it was sent; dashes, spaces and small letters do not matter."""

    code = fields.SecretField(max_length=32)
    new_password = fields.SecretField()
    device = DeviceInputSerializer(required=False)


class OwnDeviceSerializer(Serializer):
    id = fields.StrictUUIDField(source="key")
    name = fields.StrictCharField(max_length=80, source="device_label")
    created_at = fields.InstantField()
    last_used_at = fields.InstantField()
    expires_at = fields.InstantField()
    current = fields.StrictBooleanField()


class OwnDevicesSerializer(Serializer):
    """Where the caller is logged in, last used first; 50 at most."""

    devices = OwnDeviceSerializer(many=True)


class OwnProviderSerializer(Serializer):
    id = fields.StrictIntegerField()
    name = fields.StrictCharField(max_length=120)
    status = fields.StrictCharField(max_length=16)
    is_sandbox = fields.StrictBooleanField()
    roles = fields.StrictListField(child=fields.StrictCharField(max_length=16), max_length=20)


class MeSerializer(Serializer):
    id = fields.StrictIntegerField()
    email = fields.EmailField(allow_null=True)
    phone = fields.StrictCharField(max_length=16, allow_null=True)
    full_name = fields.StrictCharField(max_length=120)
    language = fields.StrictCharField(max_length=5)
    time_zone = fields.StrictCharField(max_length=64)
    second_factor = fields.StrictBooleanField()
    providers = OwnProviderSerializer(many=True)


class ClientTokenInputSerializer(Serializer):
    """The form of RFC 6749 §4.4.2; id and secret here unless HTTP Basic shows them."""

    grant_type = fields.StrictCharField(max_length=32)
    scope = fields.StrictCharField(max_length=1000, required=False)
    client_id = fields.StrictCharField(max_length=64, required=False)
    client_secret = fields.SecretField(max_length=128, required=False)


class OAuthErrorSerializer(Serializer):
    """RFC 6749 §5.2."""

    error = fields.StrictCharField(max_length=40)
    error_description = fields.StrictCharField(max_length=300, required=False)


class ClientTokenSerializer(Serializer):
    """RFC 6749 §5.1."""

    access_token = fields.StrictCharField(max_length=128)
    token_type = fields.StrictCharField(max_length=6)
    expires_in = fields.StrictIntegerField()
    scope = fields.StrictCharField(max_length=1000)


def _scopes(**kwargs: Any) -> fields.StrictListField:
    child = fields.StrictCharField(max_length=48)
    return fields.StrictListField(child=child, min_length=1, max_length=50, **kwargs)


@extend_schema_serializer(component_name="OAuthClient")
class ApiClientSerializer(ModelSerializer):
    """Called otherwise in the schema: an `ApiClient` is what generators call their own."""

    scopes = _scopes(read_only=True)

    class Meta:
        model = ApiClient
        fields: tuple[str, ...] = (
            "id",
            "name",
            "client_id",
            "scopes",
            "created_by",
            "secret_set_at",
            "last_token_at",
            "revoked_at",
            "created_at",
            "updated_at",
        )


@extend_schema_serializer(component_name="OAuthClientWithSecret")
class ApiClientWithSecretSerializer(ApiClientSerializer):
    """With the secret, which is shown this once."""

    client_secret = fields.StrictCharField(max_length=64, read_only=True, source="shown_secret")

    class Meta(ApiClientSerializer.Meta):
        fields = (*ApiClientSerializer.Meta.fields, "client_secret")


class ApiClientUpdateSerializer(Serializer):
    name = fields.StrictCharField(max_length=80, required=False)
    scopes = _scopes(required=False)


class ApiClientInputSerializer(ApiClientUpdateSerializer):
    name = fields.StrictCharField(max_length=80)
    scopes = _scopes()
