"""What keeps doors right: stopping unnoticed, strangers, other sites, laggards, and logs."""

from tests.guarantees.safeguards import Break

SHUTDOWN = "common/src/common/shutdown.py"
GATEWAY = "devstack/src/devstack/gateway/Caddyfile"

LAME_DUCK = Break(
    "not being chosen before closing",
    SHUTDOWN,
    "call_later(self._lame_duck_seconds, self._close)",
    "call_later(0, self._close)",
)
ORDERLY_STOP = Break(
    "finishing what has begun, and not being chosen before",
    SHUTDOWN,
    "call_later(self._lame_duck_seconds, self._close)",
    "call_later(0, _exit_now)",
)
LAST_RESORT = Break("the last resort of a stop", SHUTDOWN, "        last_resort.start()\n", "")
SILENT_BUS = Break(
    "the time for the last words to the bus", SHUTDOWN, "BUS_SECONDS = 1\n", "BUS_SECONDS = 60\n"
)

OWN_ORDERS = Break(
    "an order is its buyer's",
    "orders/src/orders/domain.py",
    "if user_id != self.user_id:",
    "if not user_id:",
)
OWN_TICKETS = Break(
    "only the seller edits",
    "tickets/src/tickets/domain.py",
    "if by != self.user_id:",
    "if not by:",
)
OWN_PAYMENTS = Break(
    "a payment is its buyer's",
    "payments/src/payments/domain.py",
    "if user_id != self.order.user_id:",
    "if not user_id:",
)
OWN_LIST = Break(
    "buyers list only their own",
    "orders/src/orders/repository.py",
    'query: Document = {"userId": user_id, "status"',
    'query: Document = {"status"',
)
USUAL_PLACE = Break(
    "the owner's usual place",
    "auth/src/auth/throttle.py",
    "[self._pair] if is_usual else [self._pair, *self._shared]",
    "[self._pair, *self._shared]",
)

CSRF = Break(
    "the check of where a request comes from",
    "common/src/common/service.py",
    "    app.add_middleware(CsrfMiddleware)\n",
    "",
)
SAME_SITE = Break(
    "the session's SameSite", "auth/src/auth/routes.py", 'samesite="lax",\n', 'samesite="none",\n'
)

HEAD_AT_THE_GATEWAY = Break(
    "the gateway's limit on a head", GATEWAY, "read_header 10s", "read_header 10m"
)
BODY_AT_THE_SERVICE = Break(
    "the services' limit on a body",
    "common/src/common/web/body_limit.py",
    "BODY_SECONDS = 10\n",
    "BODY_SECONDS = 600\n",
)
HEAD_AT_THE_SERVICE = Break(
    "the services' limit on a head",
    "common/src/common/web/head_limit.py",
    "HEAD_SECONDS: ClassVar[float] = 10\n",
    "HEAD_SECONDS: ClassVar[float] = 600\n",
)

QUERIES = Break(
    "no query in the gateway's log",
    GATEWAY,
    '		request>uri regexp [?].* ""\n',
    "",
)
HEADERS = Break(
    "no header in the gateway's log",
    GATEWAY,
    "		request>headers delete\n",
    "",
)
LAST_NET = Break(
    "the last net under a service's log",
    "common/src/common/logs.py",
    'return _SECRETS.sub("[hidden]", text) if _may_hold_secret(text) else text',
    "return text",
)
