"""The events of one ticket, for tests of its consumers."""

from common.contracts.events import TicketCreated, TicketUpdated
from common.contracts.ids import new_id
from common.contracts.money import Price


class TicketHistory:
    """The events of a ticket whose price starts at 10.00 and grows by 1.00 with each version."""

    def __init__(self) -> None:
        self.id, self.seller = new_id(), new_id()

    def event(self, version: int, order_id: str | None = None) -> TicketCreated | TicketUpdated:
        """The event that the tickets service publishes for that version."""
        title, price = f"Concert {version}", Price(1000 + 100 * version)
        if version == 0:
            return TicketCreated(
                id=self.id, version=0, title=title, price=price, user_id=self.seller
            )
        return TicketUpdated(
            id=self.id,
            version=version,
            title=title,
            price=price,
            user_id=self.seller,
            order_id=order_id,
        )

    def snapshot(self, version: int, order_id: str | None = None) -> TicketUpdated:
        """The snapshot that `republish` publishes at that version."""
        state = dict(self.event(version, order_id))
        return TicketUpdated.model_validate({**state, "snapshot": True})
