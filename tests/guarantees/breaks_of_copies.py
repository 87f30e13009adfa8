"""What keeps copies whole: a place of one's own in the stream, and the owners' word."""

from tests.guarantees.safeguards import Break

LOST_EVENTS = "common/src/common/messaging/lost_events.py"
WATERMARK = "common/src/common/messaging/watermark.py"

OWN_PLACE = Break(
    "a place of one's own in the stream",
    LOST_EVENTS,
    "        if lost := describe_loss(checkpoint, now, self._service):\n",
    '        if lost := "":\n',
)
TOLD_ONCE = Break(
    "one replica that tells for all",
    LOST_EVENTS,
    "        if await self._replace(known, changed):  # else another replica tells\n",
    "        await self._replace(known, changed)\n        if True:\n",
)
SAID_AGAIN = Break(
    "asking the owners",
    LOST_EVENTS,
    "        done = [await self._is_republished(missing, owner) for owner in self._owners]\n",
    "        done = [True]\n",
)
OWNERS_WORD = Break(
    "the owner's word on what it has announced",
    WATERMARK,
    "    moment = min(now, since or now) - WATERMARK_DELAY\n",
    "    moment = now\n",
)
SILENCE_IS_NO_ANSWER = Break(
    "no 404 without the owner's word",
    WATERMARK,
    "        return moment <= self._moment\n",
    "        return True\n",
)
ALL_HEARD = Break(
    "looking whether all that was announced was heard",
    WATERMARK,
    "        return False\n",
    "        return True\n",
)
SAY_OVERDUE = Break(
    "saying overdue orders again",
    "orders/src/orders/reconciler.py",
    "    await asyncio.gather(*(_publish_snapshot(order, bus) for order in overdue))\n",
    "",
)
SET_WHATEVER_IT_WAS = Break(
    "setting a timer whatever it was",
    "expiration/src/expiration/repository.py",
    '        done = {"_id": order_id, "state": {"$ne": TimerState.SCHEDULED.value}}\n',
    '        done = {"_id": order_id, "state": TimerState.FIRED.value}\n',
)
