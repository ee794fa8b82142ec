"""Texts that leave for one person: by e-mail, or by SMS.

The one door for codes and invitations. E-mail goes through Django's backend (`VOLTOP_EMAIL_URL`),
SMS through the function that `VOLTOP_SMS_TRANSPORT` names. What is sent is made when it is sent:
it stands in no table, no task and no log.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import send_mail
from django.utils.module_loading import import_string

from fleets.models import Channel


@dataclass(frozen=True, slots=True)
class Message:
    """`to` is an e-mail address or an E.164 number, as the channel has it; SMS has no subject."""

    channel: str
    to: str
    subject: str
    text: str


Transport = Callable[[Message], None]


def deliver(message: Message) -> None:
    """Hand a message to its channel; raises whatever the channel raises, and is then repeated."""
    transport = send_email if message.channel == Channel.EMAIL else _sms_transport()
    transport(message)


def send_email(message: Message) -> None:
    """By Django's e-mail backend."""
    send_mail(message.subject, message.text, None, [message.to])


def print_sms(message: Message) -> None:
    """For demo and development: the SMS on the console. Refused where people are real."""
    if not (settings.EMBEDDED or settings.DEMO):
        raise ImproperlyConfigured("VOLTOP_SMS_TRANSPORT is not set: no SMS can be sent")
    sys.stdout.write(f"SMS to {message.to}: {message.text}\n")
    sys.stdout.flush()


def _sms_transport() -> Transport:
    found: Transport = import_string(settings.SMS_TRANSPORT)
    return found
