"""The gateway, before small servers that behave as the services might."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from email import message_from_bytes
from pathlib import Path

import pytest
from httpx import AsyncClient

from devstack.gateway.caddy import gateway_program
from devstack.gateway.routes import ROUTES
from devstack.plan import SERVICES
from devstack.ports import LOOPBACK, free_port
from devstack.process import Process
from devstack.testing import eventually

NOT_FOUND = {"errors": [{"message": "Not Found"}]}
UNAVAILABLE = {"errors": [{"message": "Service unavailable"}]}

OpenGateway = Callable[..., AsyncClient]


class Upstream:
    """A server that answers with what it was asked, or hangs up once it has read the request."""

    def __init__(self, *, hangs_up: bool = False) -> None:
        self.port = free_port()
        self.asked = self.checked = 0
        self.accepting = True
        self._hangs_up = hangs_up

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Upstream"]:
        """Answering for as long as the block."""
        async with await asyncio.start_server(self._serve, LOOPBACK, self.port):
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked, _, headers = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        if asked.split()[1] == b"/acceptz":
            self.checked += 1
            writer.write(b"HTTP/1.1 %d\r\n\r\n" % (200 if self.accepting else 503))
            writer.close()
            return
        request = message_from_bytes(headers)
        await reader.readexactly(int(request["content-length"] or 0))
        self.asked += 1
        if not self._hangs_up:
            writer.write(ANSWER.format(path=asked.split()[1].decode(), **request).encode())
        writer.close()


ANSWER = """HTTP/1.1 200 OK\r
Server: something\r
Set-Cookie: session=secret\r
X-Request-Id: {X-Request-Id}\r
Connection: close\r
\r
{{"path": "{path}", "id": "{X-Request-Id}"}}"""


@pytest.fixture
def open_gateway(tmp_path: Path) -> Iterator[OpenGateway]:
    """Opens a gateway before some services; the others have a port nobody listens on."""
    with ExitStack() as opened:

        def make(**services: Sequence[Upstream]) -> AsyncClient:
            port, nobody = free_port(), Upstream()
            ports = {name: [u.port for u in services.get(name, [nobody])] for name in SERVICES}
            process = Process(gateway_program(port, ports, tmp_path / "gateway", tmp_path))
            opened.callback(process.kill)
            process.start()
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
    program = gateway_program(1, dict.fromkeys(SERVICES, (2, 3)), tmp_path, tmp_path)
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


async def test_health_stays_inside(open_gateway: OpenGateway) -> None:
    async with open_gateway() as browser:
        answers = [await browser.get(path) for path in ("/livez", "/readyz", "/nothing")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert all("Nothing here" in answer.text for answer in answers)


async def test_the_first_page_needs_no_other_host(open_gateway: OpenGateway) -> None:
    async with open_gateway() as browser:
        page = await browser.get("/")
        assert "Ticketing" in page.text
        assert "//" not in page.text
        assert (await browser.get("/style.css")).status_code == 200


async def test_every_answer_is_protected(open_gateway: OpenGateway) -> None:
    async with Upstream().listening() as service, open_gateway(tickets=[service]) as browser:
        for path in ("/", "/nothing", "/api/unknown", "/api/tickets"):
            headers = (await browser.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert not {"server", "via"} & set(headers)


async def test_requests_are_named_at_the_edge(open_gateway: OpenGateway) -> None:
    async with Upstream().listening() as service, open_gateway(tickets=[service]) as browser:
        answer = await browser.get("/api/tickets", headers={"x-request-id": "mine"})
    assert answer.json()["id"] != "mine"
    assert answer.headers.get_list("x-request-id") == [answer.json()["id"]]


async def test_the_access_log_keeps_no_secrets(open_gateway: OpenGateway, tmp_path: Path) -> None:
    secrets = {"cookie": "session=secret", "authorization": "Bearer secret"}
    log = tmp_path / "gateway-access.log"
    async with Upstream().listening() as service, open_gateway(auth=[service]) as browser:
        await browser.get("/api/users/currentuser", headers=secrets)

        async def written() -> bool:
            return "/api/users/currentuser" in log.read_text()

        await eventually(written)
    assert "secret" not in log.read_text()


async def test_a_replica_that_is_down_is_passed_over(open_gateway: OpenGateway) -> None:
    down = Upstream()
    async with Upstream().listening() as up, open_gateway(orders=[down, up]) as browser:
        answers = [await browser.post("/api/orders", json={}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 4


async def test_a_replica_that_stops_is_not_chosen_until_it_is_back(
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
            await checks_again(alive, 4)
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
        await asyncio.sleep(0.3)  # so that the request comes while nobody listens
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
