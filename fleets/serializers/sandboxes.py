"""Shapes of companies for tests."""

from rest_framework.serializers import SerializerMethodField

from fleets.models import FleetProvider
from fleets.sandboxes import domain_of
from voltop.api import fields
from voltop.api.serializers import ModelSerializer, Serializer


class SandboxSerializer(ModelSerializer):
    """`mail_domain`: where everybody there has an e-mail address."""

    mail_domain = SerializerMethodField()

    class Meta:
        model = FleetProvider
        fields = ("id", "name", "status", "mail_domain", "created_at")
        read_only_fields = fields

    def get_mail_domain(self, company: FleetProvider) -> str:
        return domain_of(company)


class SandboxLogInSerializer(Serializer):
    """A person of the company; the password is shown this once."""

    role = fields.StrictCharField(max_length=16)
    login = fields.StrictCharField(max_length=254)
    password = fields.StrictCharField(max_length=64)


class SandboxOpenedSerializer(Serializer):
    """The company and what opens it; secrets are shown this once."""

    company = SandboxSerializer()
    client_id = fields.StrictCharField(max_length=64, source="client.client_id")
    client_secret = fields.StrictCharField(max_length=64)
    people = SandboxLogInSerializer(many=True)
