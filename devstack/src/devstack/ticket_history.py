"""What the tickets service says of one ticket, for tests of those who listen."""

from common.contracts.events import TicketCreated, TicketUpdated
from common.contracts.ids import new_id
from common.contracts.money import Price


class TicketHistory:
    """The events of one ticket that gets a dollar dearer with each version, from 10.00 on."""

    def __init__(self) -> None:
        self.id, self.seller = new_id(), new_id()

    def event(self, version: int, order_id: str | None = None) -> TicketCreated | TicketUpdated:
        """What the tickets service announces at that version."""
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
        """What `republish` says of the ticket at that version."""
        state = dict(self.event(version, order_id))
        return TicketUpdated.model_validate({**state, "snapshot": True})
