"""Everything the sandbox knows, kept in a file when it is to survive a restart."""

import json
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

from devstack.sandbox.cards import CARDS, NAMED
from devstack.sandbox.errors import missing
from devstack.sandbox.intents import Intent


class Ledger:
    """Intents in the order they were made, and the cards behind tokens and payment methods."""

    def __init__(self, file: Path | None = None) -> None:
        self.intents: dict[str, Intent] = {}
        self.cards: dict[str, str] = dict(NAMED)
        self._file = file
        self._touched: dict[str, str] = {}
        if file and file.exists():
            kept = json.loads(file.read_text())
            self.intents = {intent["id"]: Intent(**intent) for intent in kept["intents"]}
            self.cards |= kept["cards"]

    def save(self) -> None:
        """Write the file anew, or not at all."""
        if self._file is None:
            return
        intents = [asdict(intent) for intent in self.intents.values()]
        cards = {name: number for name, number in self.cards.items() if name not in NAMED}
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps({"intents": intents, "cards": cards}))
        fresh.replace(self._file)

    def add(self, intent: Intent) -> None:
        """A new intent."""
        self.intents[intent.id] = intent
        self._touched[intent.id] = ""

    def intent(self, identity: str) -> Intent:
        """The intent with this id."""
        if identity not in self.intents:
            raise missing("payment_intent", identity, "intent")
        self._touched[identity] = self.intents[identity].status
        return self.intents[identity]

    def changed(self) -> list[Intent]:
        """The intents whose status is another one than when they were last looked up."""
        touched, self._touched = self._touched, {}
        looked_up = [(self.intents[identity], status) for identity, status in touched.items()]
        return [intent for intent, status in looked_up if intent.status != status]

    def card_of(self, name: str, what: str, param: str) -> str:
        """The number behind a token or payment method."""
        if name not in self.cards:
            raise missing(what, name, param, status=400)
        return self.cards[name]

    def keep_card(self, prefix: str, number: str) -> str:
        """A new name for a card."""
        name = f"{prefix}_{secrets.token_hex(12)}"
        self.cards[name] = number
        return name

    def card_json(self, name: str) -> dict[str, Any]:
        """What everybody may know of the card behind a name."""
        number = self.cards[name]
        shown = {"brand": CARDS[number].brand, "last4": number[-4:], "exp_month": 12}
        return {**shown, "exp_year": 2099, "funding": "credit", "country": "US"}

    def books(self) -> list[dict[str, Any]]:
        """One line for each intent, in cents and in Stripe's words."""
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
