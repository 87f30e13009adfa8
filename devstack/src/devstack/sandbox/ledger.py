"""The state of the sandbox: intents, cards by name, stored responses."""

import secrets
from pathlib import Path

from devstack.sandbox.cards import CARDS, NAMED
from devstack.sandbox.errors import Json, invalid, missing
from devstack.sandbox.idempotency import IdempotencyKeys
from devstack.sandbox.intents import Intent
from devstack.sandbox.journal import Entry, Journal

USED = "used"
"""Replaces the card of a token that has been used."""


class Ledger:
    """Intents in creation order, and cards by name; stored in a journal if there is a file."""

    def __init__(self, file: Path | None = None) -> None:
        self.intents: dict[str, Intent] = {}
        self.cards: dict[str, str] = {}
        self.keys = IdempotencyKeys()
        self._touched: set[str] = set()
        self._new_cards: dict[str, str] = {}
        self._journal = Journal(file)
        for entry in self._journal.entries():
            self.intents |= {intent.id: intent for intent in entry.intents}
            self.cards |= entry.cards
            self.keys.restore(entry.keys)
        everything = list(self.intents.values())
        self._journal.restart(
            Entry(intents=everything, cards=self.cards, keys=self.keys.all_stored())
        )

    def add(self, intent: Intent) -> None:
        """Add a new intent."""
        self.intents[intent.id] = intent
        self._touched.add(intent.id)
        intent.emit_created()

    def intent(self, identity: str, param: str = "intent", status: int = 404) -> Intent:
        """The intent with this id."""
        if identity not in self.intents:
            raise missing("payment_intent", identity, param, status)
        self._touched.add(identity)
        return self.intents[identity]

    def intent_of_charge(self, charge_id: str, status: int = 404) -> Intent:
        """The intent whose charge has this id."""
        intent = self.intents.get(f"pi_{charge_id.removeprefix('ch_')}")
        if intent is None or not intent.is_charged:
            raise missing("charge", charge_id, "charge", status)
        self._touched.add(intent.id)
        return intent

    def card_of(self, name: str, param: str, status: int = 400) -> str:
        """The number of the card behind a payment method."""
        return self._find("pm_", "PaymentMethod", name, param, status)

    def use_token(self, name: str, param: str) -> str:
        """The card number of a token; one that was created here works only once."""
        number = self._find("tok_", "token", name, param, 400)
        if number == USED:
            message = f"You cannot use a Stripe token more than once: {name}."
            raise invalid(message, "token_already_used", param)
        if name in self.cards:
            self._store_card(name, USED)
        return number

    def _find(self, prefix: str, what: str, name: str, param: str, status: int) -> str:
        number = self.cards.get(name) or NAMED.get(name)
        if number is None or not name.startswith(prefix):
            raise missing(what, name, param, status)
        return number

    def name_card(self, prefix: str, number: str) -> str:
        """A new name for a card."""
        name = f"{prefix}_{secrets.token_hex(12)}"
        self._store_card(name, number)
        return name

    def _store_card(self, name: str, number: str) -> None:
        self.cards[name] = self._new_cards[name] = number

    def commit(self) -> list[tuple[str, Json]]:
        """Append the changes since the last call to the journal, atomically; returns the events."""
        touched = [self.intents[identity] for identity in self._touched]
        changes = [(intent, intent.drain_changes()) for intent in touched]
        changed = [intent for intent, events in changes if events]
        keys = self.keys.drain_changes()
        if changed or self._new_cards or keys:
            self._journal.append(Entry(intents=changed, cards=self._new_cards, keys=keys))
        self._touched, self._new_cards = set(), {}
        return [event for _, events in changes for event in events]

    def summary(self) -> list[Json]:
        """A summary of each intent: status and amounts in cents."""
        return [
            {
                "intent": intent.id,
                "orderId": intent.metadata.get("orderId"),
                "amount": intent.amount,
                "status": intent.status,
                "captured": intent.captured,
                "refunded": intent.refunded,
            }
            for intent in self.intents.values()
        ]


def card_json(number: str) -> Json:
    """The public details of a card."""
    shown: Json = {"brand": CARDS[number].brand, "last4": number[-4:], "exp_month": 12}
    return {**shown, "exp_year": 2099, "funding": "credit", "country": "US"}
