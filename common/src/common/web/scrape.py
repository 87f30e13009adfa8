"""`GET /metrics`, for Prometheus: beside the API, where no gateway leads."""

from fastapi import APIRouter, Request, Response

from common.metrics import CONTENT_TYPE, exposition

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """All metrics in Prometheus' text format."""
    samples = await request.app.state.gauges.samples()
    return Response(exposition(samples), media_type=CONTENT_TYPE)
