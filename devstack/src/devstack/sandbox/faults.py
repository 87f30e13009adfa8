"""Fault injection: failures of the network and of a busy server."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Fault(BaseModel):
    """How the next `times` requests of an operation fail.

    `drop_answer` executes and hangs up, `delay` executes after `seconds`, `delay_answer` executes
    and answers after `seconds`. `conflict` answers 409, `error` 500, and `refuse` 402 to a capture
    and 400 to all else, without changing anything. Like Stripe, the sandbox takes a 500 or a
    refusal for the result of a request that had begun, and repeats it to the same idempotency key;
    not so a 409.
    """

    model_config = ConfigDict(extra="forbid")

    operation: Literal["create", "confirm", "capture", "cancel", "refund", "retrieve", "*"]
    kind: Literal["drop_answer", "delay", "delay_answer", "error", "refuse", "conflict"]
    seconds: float = Field(default=2, ge=0, le=60)
    times: int = Field(default=1, ge=1, le=100_000)


class Faults:
    """The faults that are still pending."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def consume(self, operation: str) -> Fault | None:
        """The fault for this request, which is used up."""
        for fault in self.waiting:
            if fault.operation in {operation, "*"}:
                fault.times -= 1
                if fault.times == 0:
                    self.waiting.remove(fault)
                return fault
        return None
