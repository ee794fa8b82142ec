"""Texts that leave for one person: by e-mail, by SMS, or to the app on a phone.

The one door for codes, invitations and notices. E-mail goes through Django's backend
(`VOLTOP_EMAIL_URL`); SMS and push through an HTTP gateway (`VOLTOP_SMS_GATEWAY_URL`,
`VOLTOP_PUSH_GATEWAY_URL`), or through the function that `VOLTOP_SMS_TRANSPORT` or
`VOLTOP_PUSH_TRANSPORT` names. What is sent is made when it is sent: it stands in no table, no task
and no log.
"""

import smtplib
import sys
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.utils.module_loading import import_string

from fleets.errors import DeliveryRefused
from fleets.models import User
from fleets.sandboxes import is_fictional
from voltop import http

TIMEOUT_S = 10
WORTH_REPEATING = (401, 403, 408, 425, 429)
"""Answers below 500 that say something of the gateway, not of the message."""


@dataclass(frozen=True, slots=True)
class Message:
    """`to` is an e-mail address, an E.164 number or a push token, as the channel has it.

    An SMS has no subject. `key` is the same whenever the same message is handed over again.
    """

    channel: str
    to: str
    subject: str
    text: str
    key: str = ""


Transport = Callable[[Message], None]


class MessageRefused(Exception):
    """The channel will never take this message to this address: trying again is of no use."""


def deliver(message: Message, person: User) -> None:
    """Hand a message to its channel; raises whatever the channel raises, and is then repeated.

    People of companies for tests are nobody: no gateway ever hears of them.
    """
    if is_fictional(person):
        return
    transport: Transport = send_email
    if message.channel != "email":
        push = message.channel == "push"
        transport = import_string(settings.PUSH_TRANSPORT if push else settings.SMS_TRANSPORT)
    transport(message)


def send_email(message: Message) -> None:
    """By Django's e-mail backend; a repeated message carries the same Message-ID."""
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    headers = {"Message-ID": f"<{message.key}@{domain}>"} if message.key else {}
    mail = EmailMessage(message.subject, message.text, None, [message.to], headers=headers)
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _text in error.recipients.values()]
        if codes and all(code >= 500 for code in codes):
            raise MessageRefused(f"refused with {codes[0]}") from error
        raise


def post_to_gateway(message: Message) -> None:
    """To the HTTP gateway of the channel, as JSON; `Idempotency-Key` is the message's key.

    The address is called like one that a user gave (`voltop.http`): https and public, unless
    `VOLTOP_OUTBOUND_ALLOWED` names it. Raises MessageRefused, DeliveryRefused, UrlNotAllowed,
    OutboundFailed.
    """
    url, token = settings.MESSAGE_GATEWAYS[message.channel]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if message.key:
        headers["Idempotency-Key"] = message.key
    body = {"to": message.to, "subject": message.subject, "text": message.text}
    answer = http.post_json(url, body, headers=headers, timeout_s=TIMEOUT_S)
    if answer.ok:
        return
    if 400 <= answer.status < 500 and answer.status not in WORTH_REPEATING:
        raise MessageRefused(f"answered {answer.status}")
    raise DeliveryRefused(status=answer.status)


def print_sms(message: Message) -> None:
    """For demo and development: the SMS on the console. Refused where people are real."""
    _print(message, "SMS", "VOLTOP_SMS_TRANSPORT")


def print_push(message: Message) -> None:
    """The same for what would appear on a phone."""
    _print(message, "Push", "VOLTOP_PUSH_TRANSPORT")


def _print(message: Message, what: str, setting: str) -> None:
    if not (settings.EMBEDDED or settings.DEMO):
        raise ImproperlyConfigured(f"{setting} is not set: nothing can be sent")
    sys.stdout.write(f"{what} to {message.to}: {message.text}\n")
    sys.stdout.flush()
