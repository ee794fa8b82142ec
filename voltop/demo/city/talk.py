"""What a driver and the staff say to each other: one matter settled, one answered, one open; a call
for help that was heard, a message to many, and the answers that support gives often.
"""

import base64
from typing import Any

from voltop.demo.client import Client
from voltop.specimens import specimen

SETTLED = (
    "documents",
    "Good morning, I have my new driving licence. Shall I bring it to the depot?",
    "Yes please, to Centro, any day before six. We need both sides.",
    "Handed in today. Here is a photo of it, too.",
)
LICENCE = ("Driving licence", ["Ana Flores", "MX-D000001", "Country MX"])
ANSWERED = (
    "vehicle",
    "The charging flap of my car does not close properly any more.",
    "Thank you for telling us. The workshop has time tomorrow at ten: does that suit you?",
)
OPEN = "My payslip: how are the lines for cash and rent worked out? I expected more this week."
HELP = (
    "Somebody drove into my car at the lights. Nobody is hurt.",
    "I am on the phone with the insurance. Stay where you are, the tow truck is on its way.",
    "towed to Centro, nobody hurt",
)
WHERE = {"latitude": "19.432600", "longitude": "-99.133200"}
TO_MANY = (
    "The chargers at the depot are being serviced on Thursday between ten and noon. Please charge "
    "before or after that."
)
CANNED = (
    ("payday", "en", "Hi {{first_name}}, payments of a week go out on the Friday after it."),
    ("payday", "es", "Hola {{first_name}}: los pagos de la semana salen el viernes siguiente."),
    ("photo", "en", "Please send us a photo of it here in the chat, {{first_name}}."),
    (
        "charger",
        "en",
        "Unplug, wait for a minute and plug in again. If it still does not charge, tell us the "
        "number on the charger.\n{{agent}}, {{company}}",
    ),
)
"""Shortcut, language, text."""
RULES = {
    "opening_hours": {
        day: [["07:00", "21:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    },
    "urgent_first_min": 5,
    "urgent_next_min": 5,
    "high_first_min": 30,
    "high_next_min": 60,
    "normal_first_min": 120,
    "normal_next_min": 240,
    "resolve_after_days": 7,
}
NOTE = "Look at the payslip with her line by line; rent is for days worked only."


def talk(driver: Client, support: Client) -> None:
    """The conversations, each where it is not there yet."""
    known = {row["topic"]: int(row["id"]) for row in driver.each("me/conversations")}
    _settle(driver, support, known.get(SETTLED[0]))
    if ANSWERED[0] not in known:
        _answer(support, _begin(driver, ANSWERED[0], ANSWERED[1]), ANSWERED[2])
    if "accident" not in known:
        _help(driver, support)


def _settle(driver: Client, support: Client, begun: int | None) -> None:
    topic, question, answer, thanks = SETTLED
    if begun is None:
        begun = _begin(driver, topic, question)
        _answer(support, begun, answer)
    files = f"me/conversations/{begun}/attachments"
    if driver.get(files)["results"]:
        return
    content = base64.b64encode(specimen(*LICENCE)).decode()
    photo = driver.post(files, {"content": content, "file_name": "licence.jpg"})
    said = {"body": thanks, "attachments": [photo["id"]]}
    driver.post(f"me/conversations/{begun}/messages", said)
    support.post(f"conversations/{begun}/resolve", {"reason": "licence is on file"})


def _help(driver: Client, support: Client) -> None:
    """A call for help that somebody took up and settled."""
    called, answer, ended = HELP
    alarm = driver.post("me/sos", {"body": called, **WHERE})
    support.post(f"alarms/{alarm['id']}/acknowledge", {"reason": "calling her"})
    _answer(support, alarm["conversation"], answer)
    support.post(f"conversations/{alarm['conversation']}/resolve", {"reason": ended})


def furnish_desk(support: Client, dispatcher: Client) -> None:
    """Answers that are given often, and a message to the drivers of the first depot."""
    kept = {(row["shortcut"], row["language"]) for row in support.each("canned-replies")}
    for shortcut, language, body in CANNED:
        if (shortcut, language) not in kept:
            support.post(
                "canned-replies", {"shortcut": shortcut, "language": language, "body": body}
            )
    if not dispatcher.get("announcements")["results"]:
        depot = next(iter(dispatcher.each("depots")), None)
        said = {"body": TO_MANY, "topic": "charging"}
        dispatcher.post("announcements", said | ({"depot": depot["id"]} if depot else {}))


def open_desk(owner: Client) -> None:
    """By when the company answers, and who is called when a driver needs help.

    Set after the talk, which any hour may tell.
    """
    if not owner.get("sla-policies")["results"]:
        owner.post("sla-policies", RULES)
    if not owner.get("on-call")["results"]:
        people = {row["role"]: row["user"] for row in owner.each("memberships")}
        called = [people[role] for role in ("dispatcher", "support", "owner") if role in people]
        for position, user in enumerate(called, 1):
            owner.post("on-call", {"user": user, "position": position})


def ask_about_pay(driver: Client, support: Client) -> None:
    """The driver asks about the newest payslip that has lines; nobody has answered yet."""
    if any(row["topic"] == "pay" for row in driver.each("me/conversations")):
        return
    payments = driver.get("me/payments")["results"]
    if not payments:
        return
    about = {"about_type": "payments.payment", "about_id": payments[0]["id"]}
    begun = _begin(driver, "pay", OPEN, **about)
    support.post(f"conversations/{begun}/notes", {"body": NOTE})


def _begin(driver: Client, topic: str, body: str, **about: Any) -> int:
    made = driver.post("me/conversations", {"topic": topic, "body": body, **about})
    return int(made["id"])


def _answer(support: Client, conversation: int, body: str) -> None:
    support.post(f"conversations/{conversation}/messages", {"body": body})
