"""A web server that receives webhooks, for tests."""

from fastapi import FastAPI, Request, Response


class WebhookReceiver:
    """Keeps webhooks with their signatures; rejects the first `refusals` of them."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, str]] = []
        self.refusals = self.refused = 0

    def app(self) -> FastAPI:
        """The web server."""
        app = FastAPI()

        @app.post("/hook")
        async def receive(request: Request) -> Response:
            if self.refused < self.refusals:
                self.refused += 1
                return Response(status_code=500)
            self.received.append((await request.body(), request.headers["stripe-signature"]))
            return Response()

        return app
