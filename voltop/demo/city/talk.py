"""What a driver and the staff say to each other: one matter settled, one answered, one open."""

from typing import Any

from voltop.demo.client import Client

SETTLED = (
    "documents",
    "Good morning, I have my new driving licence. Shall I bring it to the depot?",
    "Yes please, to Centro, any day before six. We need both sides.",
    "Handed in today.",
)
ANSWERED = (
    "vehicle",
    "The charging flap of my car does not close properly any more.",
    "Thank you for telling us. The workshop has time tomorrow at ten: does that suit you?",
)
OPEN = "My payslip: how are the lines for cash and rent worked out? I expected more this week."
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
    """The three conversations, each where it is not there yet."""
    known = {row["topic"] for row in driver.each("me/conversations")}
    if SETTLED[0] not in known:
        topic, question, answer, thanks = SETTLED
        begun = _begin(driver, topic, question)
        _answer(support, begun, answer)
        driver.post(f"me/conversations/{begun}/messages", {"body": thanks})
        support.post(f"conversations/{begun}/resolve", {"reason": "licence is on file"})
    if ANSWERED[0] not in known:
        _answer(support, _begin(driver, ANSWERED[0], ANSWERED[1]), ANSWERED[2])


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
