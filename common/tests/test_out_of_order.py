"""What waits for a predecessor that does not come is told by its age."""

import pytest

from common.contracts.events import TicketUpdated
from common.contracts.subjects import Subject
from common.errors import VersionGap
from common.messaging import out_of_order
from common.messaging.backoff import LONGEST_GAP_SECONDS, gap_delay
from common.messaging.out_of_order import OutOfOrderEvents
from devstack.counter_service import SERVICE, Tally, consuming
from devstack.testing import BusPeer, eventually


async def test_an_event_is_early_until_it_is_handled(nats_url: str, peer: BusPeer) -> None:
    has_come = False

    async def handle(_: TicketUpdated, _repository: object) -> None:
        if not has_come:
            raise VersionGap

    async with consuming(nats_url, {Subject.TICKET_UPDATED: handle}) as consumer:
        assert consumer.out_of_order.longest == 0
        await peer.publish(Tally.new().to_event())

        async def is_early() -> bool:
            return consumer.out_of_order.longest > 0.2

        await eventually(is_early)
        has_come = True
        await peer.wait_acked_by(SERVICE)
        assert consumer.out_of_order.longest == 0


def test_what_another_replica_has_handled_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = OutOfOrderEvents()
    waiting.deferred(7)
    assert waiting.longest > 0
    monkeypatch.setattr(out_of_order, "EXPIRY_SECONDS", 0)
    assert waiting.longest == 0


def test_the_pauses_of_an_early_event_grow() -> None:
    pauses = [gap_delay(attempt) for attempt in range(1, 60)]
    assert pauses[0] < 0.05
    assert sum(pauses[:20]) < 6
    assert pauses[-1] == LONGEST_GAP_SECONDS
