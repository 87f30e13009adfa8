"""Somebody who hears webhooks."""

from fastapi import FastAPI, Request, Response


class Ear:
    """Keeps webhooks with their signatures; refuses the first ones when it is told to."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, str]] = []
        self.refusals = self.refused = 0

    def app(self) -> FastAPI:
        """Its web server."""
        app = FastAPI()

        @app.post("/hook")
        async def hear(request: Request) -> Response:
            if self.refused < self.refusals:
                self.refused += 1
                return Response(status_code=500)
            self.heard.append((await request.body(), request.headers["stripe-signature"]))
            return Response()

        return app
