"""The gateway, before small servers that behave as the services might."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from httpx import AsyncClient

from devstack.gateway.caddy import gateway_program
from devstack.gateway.routes import ROUTES
from devstack.plan import SERVICES
from devstack.ports import LOOPBACK, free_port
from devstack.process import Process
from devstack.quick import Processes
from devstack.testing import eventually
from devstack.wires.proxy import closing

NOT_FOUND = {"errors": [{"message": "Not Found"}]}
UNAVAILABLE = {"errors": [{"message": "Service unavailable"}]}

STRIPE = "http://127.0.0.1:12111"

OpenGateway = Callable[..., AsyncClient]


class Upstream:
    """A server that answers with what it was asked, or hangs up once it has read the request."""

    def __init__(self, *, hangs_up: bool = False, header: str = "X-Own: header") -> None:
        self.port = free_port()
        self.asked = self.checked = 0
        self.accepting = True
        self._hangs_up, self._header = hangs_up, header
        self._serving: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Upstream"]:
        """Responder for as long as the block."""
        async with await asyncio.start_server(self._serve, LOOPBACK, self.port):
            yield self
            for task in self._serving:  # a gateway that ends may leave a connection half-asked
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        async with closing(writer):
            with suppress(asyncio.IncompleteReadError):  # the gateway has hung up
                await self._answer_to(reader, writer)
        self._serving.discard(task)

    async def _answer_to(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked, _, headers = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        if asked.split()[1] == b"/acceptz":
            self.checked += 1
            writer.write(b"HTTP/1.1 %d\r\n\r\n" % (200 if self.accepting else 503))
            return
        request = message_from_bytes(headers)
        await reader.readexactly(int(request["content-length"] or 0))
        self.asked += 1
        if not self._hangs_up:
            writer.write(self._answer(asked, request).encode())

    def _answer(self, asked: bytes, request: "Message[str, str]") -> str:
        return ANSWER.format(path=asked.split()[1].decode(), own=self._header, **request)


ANSWER = """HTTP/1.1 200 OK\r
Server: something\r
Content-Type: application/json\r
Set-Cookie: session=secret\r
X-Token: secret\r
{own}\r
X-Request-Id: {X-Request-Id}\r
Connection: close\r
\r
{{"path": "{path}", "id": "{X-Request-Id}", "for": "{X-Forwarded-For}"}}"""

PROTECTION = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(self)",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture
def open_gateway(processes: Processes, tmp_path: Path) -> Iterator[OpenGateway]:
    """Opens a gateway before some services; the others have a port nobody listens on."""
    with ExitStack() as opened:

        def make(**services: Sequence[Upstream]) -> AsyncClient:
            port, nobody = free_port(), Upstream()
            ports = {name: [u.port for u in services.get(name, [nobody])] for name in SERVICES}
            process = Process(gateway_program(port, ports, tmp_path / "gateway", tmp_path, STRIPE))
            opened.enter_context(processes.running(process))
            return AsyncClient(base_url=f"http://{LOOPBACK}:{port}", timeout=15)

        yield make


async def checks_again(upstream: Upstream, times: int = 2) -> None:
    """Wait until the gateway has asked it, and has heard the answer before it asks again."""
    enough = upstream.checked + times

    async def checked() -> bool:
        return upstream.checked >= enough

    await eventually(checked)


def test_every_route_leads_to_a_service() -> None:
    assert set(ROUTES.values()) < set(SERVICES)


def test_caddy_finds_no_fault_in_its_file(tmp_path: Path) -> None:
    program = gateway_program(1, dict.fromkeys(SERVICES, (2, 3)), tmp_path, tmp_path, STRIPE)
    caddy, _, *arguments = program.command
    check = subprocess.run(  # noqa: S603 (the command is ours)
        [caddy, "validate", *arguments],
        env=program.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stderr
    assert "not formatted" not in check.stderr


async def test_paths_lead_to_their_service_unchanged(open_gateway: OpenGateway) -> None:
    async with (
        Upstream().listening() as service,
        open_gateway(**dict.fromkeys(ROUTES.values(), (service,))) as browser,
    ):
        for prefix in ROUTES:
            for path in (prefix, f"{prefix}/5f/some%20where?x=1"):
                assert (await browser.get(path)).json()["path"] == path


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/unknown", "/api/ticketsandmore"])
async def test_unknown_api_paths_are_refused_in_json(open_gateway: OpenGateway, path: str) -> None:
    async with open_gateway() as browser:
        answer = await browser.post(path)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert answer.headers["content-type"] == "application/json"


async def test_path_without_extension_serves_the_client(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as browser:
        first = await browser.get("/")
        pages = [await browser.get(path) for path in ("/orders/5f", "/a.b/c", "/livez", "/index")]
    assert {(page.status_code, page.text) for page in pages} == {(200, first.text)}


@pytest.mark.parametrize("path", ["/app/none.js", "/style.css", "/tickets/none.png", "/.env"])
async def test_missing_file_is_404(open_gateway: OpenGateway, path: str) -> None:
    async with open_gateway() as browser:
        answer = await browser.get(path)
    assert answer.status_code == 404
    assert "Nothing here" in answer.text


async def test_files_are_small_and_asked_about_each_time(open_gateway: OpenGateway) -> None:
    async with open_gateway() as browser:
        for path in ("/", "/app/api.js", "/style/base.css"):
            answer = await browser.get(path, headers={"Accept-Encoding": "gzip"})
            known = {"If-None-Match": answer.headers["etag"], "Accept-Encoding": "gzip"}
            again = await browser.get(path, headers=known)
            assert answer.headers["cache-control"] == "no-cache"
            assert answer.headers["content-encoding"] == "gzip"
            assert (again.status_code, again.content) == (304, b"")


async def test_the_first_page_needs_no_other_host(open_gateway: OpenGateway) -> None:
    async with open_gateway() as browser:
        page = await browser.get("/")
        assert "Ticketing" in page.text
        assert "//" not in page.text
        assert (await browser.get("/style/base.css")).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/style/base.css", 200),
        ("/orders/5f", 200),
        ("/nothing.js", 404),
        ("/api/unknown", 404),
        ("/api/tickets", 200),
        ("/api/tickets/docs", 200),
        ("/api/payments", 502),
    ],
)
async def test_every_answer_is_protected(open_gateway: OpenGateway, path: str, status: int) -> None:
    async with (
        Upstream().listening() as service,
        Upstream(hangs_up=True).listening() as broken,
        open_gateway(tickets=[service], payments=[broken]) as browser,
    ):
        answer = await browser.request("POST" if status == 502 else "GET", path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in PROTECTION} == PROTECTION
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert not {"server", "via"} & set(answer.headers)


@pytest.mark.parametrize(
    ("path", "caching"),
    [
        ("/api/tickets", ["no-store"]),
        ("/api/unknown", ["no-store"]),
        ("/api/users/currentuser", ["max-age=60"]),
        ("/", ["no-cache"]),
    ],
)
async def test_responses_are_not_cached_by_default(
    open_gateway: OpenGateway, path: str, caching: list[str]
) -> None:
    own = Upstream(header="Cache-Control: max-age=60")
    async with (
        Upstream().listening() as silent,
        own.listening(),
        open_gateway(tickets=[silent], auth=[own]) as browser,
    ):
        answer = await browser.get(path)
    assert answer.headers.get_list("cache-control") == caching


async def test_a_client_cannot_choose_its_address(open_gateway: OpenGateway) -> None:
    forged = {"X-Forwarded-For": "203.0.113.1", "X-Real-IP": "203.0.113.1", "Forwarded": "for=x"}
    async with Upstream().listening() as service, open_gateway(auth=[service]) as browser:
        answer = await browser.post("/api/users/signin", headers=forged)
    assert answer.json()["for"] == LOOPBACK


async def test_requests_are_named_at_the_edge(open_gateway: OpenGateway) -> None:
    async with Upstream().listening() as service, open_gateway(tickets=[service]) as browser:
        answer = await browser.get("/api/tickets", headers={"x-request-id": "mine"})
    assert answer.json()["id"] != "mine"
    assert answer.headers.get_list("x-request-id") == [answer.json()["id"]]


async def test_the_logs_keep_no_secrets(open_gateway: OpenGateway, tmp_path: Path) -> None:
    headers = dict.fromkeys(("Cookie", "Authorization", "Referer", "X-Token"), "a=secret")
    access, errors = tmp_path / "gateway-access.log", tmp_path / "gateway.log"
    async with (
        Upstream().listening() as service,
        Upstream(hangs_up=True).listening() as broken,
        open_gateway(auth=[service], payments=[broken]) as browser,
    ):
        for path in ("/api/users/currentuser", "/api/payments/webhook"):
            await browser.post(f"{path}?token=secret#secret", headers=headers)

        async def written() -> bool:
            return "/api/payments/webhook" in access.read_text()

        await eventually(written)
    said = access.read_text() + errors.read_text()
    assert '"uri":"/api/payments/webhook"' in said
    assert '"remote_ip":"127.0.0.0"' in said
    assert f'ip":"{LOOPBACK}"' not in said
    assert "secret" not in said


async def test_a_replica_that_is_down_is_passed_over(open_gateway: OpenGateway) -> None:
    down = Upstream()
    async with Upstream().listening() as up, open_gateway(orders=[down, up]) as browser:
        answers = [await browser.post("/api/orders", json={}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 4


async def test_gateway_avoids_stopped_replica_until_it_returns(
    open_gateway: OpenGateway,
) -> None:
    async with (
        Upstream().listening() as one,
        Upstream().listening() as other,
        open_gateway(orders=[one, other]) as browser,
    ):
        one.accepting = False
        await checks_again(one)
        before = one.asked
        answers = [await browser.post("/api/orders", json={}) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 6
        assert (one.asked, other.asked) == (before, 6)
        one.accepting = True

        async def chosen() -> bool:
            await browser.post("/api/orders", json={})
            return one.asked > before

        await eventually(chosen)


async def test_a_replica_that_answers_nothing_is_not_chosen(open_gateway: OpenGateway) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:  # the kernel accepts, nobody reads
        frozen = Upstream()
        frozen.port = silent.getsockname()[1]
        async with (
            Upstream().listening() as alive,
            open_gateway(orders=[frozen, alive]) as browser,
        ):
            await checks_again(alive, 6)  # the first check of the other one has been given up
            answers = [await browser.post("/api/orders", json={}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 6


async def test_no_replica_to_choose_is_told(open_gateway: OpenGateway) -> None:
    async with Upstream().listening() as service, open_gateway(orders=[service]) as browser:
        service.accepting = False
        await checks_again(service)
        answer = await browser.post("/api/orders", json={})
    assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
    assert service.asked == 0


async def test_replicas_share_the_work(open_gateway: OpenGateway) -> None:
    async with (
        Upstream().listening() as one,
        Upstream().listening() as other,
        open_gateway(orders=[one, other]) as browser,
    ):
        for _ in range(6):
            await browser.post("/api/orders", json={})
    assert (one.asked, other.asked) == (3, 3)


async def test_a_service_that_restarts_is_waited_for(open_gateway: OpenGateway) -> None:
    service = Upstream()
    async with open_gateway(orders=[service]) as browser:
        early = asyncio.create_task(browser.post("/api/orders", json={}))
        await asyncio.sleep(0.3)  # if the request takes longer, it has nothing to wait for
        async with service.listening():
            assert (await early).status_code == 200


async def test_a_request_that_was_sent_is_not_repeated(open_gateway: OpenGateway) -> None:
    async with (
        Upstream(hangs_up=True).listening() as one,
        Upstream(hangs_up=True).listening() as other,
        open_gateway(payments=[one, other]) as browser,
    ):
        answer = await browser.post("/api/payments", json={})
    assert (answer.status_code, answer.json()) == (502, UNAVAILABLE)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["retry-after"] == "1"
    assert one.asked + other.asked == 1


async def test_csp_allows_stripe_only(open_gateway: OpenGateway) -> None:
    async with open_gateway() as browser:
        policy = (await browser.get("/")).headers["content-security-policy"]
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
    assert rules["default-src"] == ["'self'"]
    assert rules["script-src"] == rules["connect-src"] == ["'self'", STRIPE]
    assert rules["frame-src"] == [STRIPE]
