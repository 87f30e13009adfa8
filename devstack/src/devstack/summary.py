"""The summary that the launcher prints when everything is ready."""

from devstack.gateway.routes import ROUTES
from devstack.plan import Plan, http_url

CARDS = """\
    4242 4242 4242 4242   pm_card_visa or tok_visa             is charged
                          pm_card_visa_chargeDeclined          is declined
    4000 0025 0000 3155   pm_card_threeDSecure2Required        asks for another step (3DS)"""


def summary(plan: Plan, seconds: float) -> str:
    """Addresses, test cards, folders, and how to stop."""
    documentation = "\n".join(f"    {plan.gateway_url}{prefix}/docs" for prefix in ROUTES)
    metrics = "\n".join(
        f"    {service:<10}  " + "  ".join(f"{http_url(port)}/metrics" for port in ports)
        for service, ports in plan.ports.services.items()
    )
    return f"""
  Ticketing is ready after {seconds:.1f} s. Open {plan.gateway_url}

  The API, described
{documentation}

The metrics of each process
{metrics}

Test cards (no real money: {plan.sandbox_url} is a sandbox of Stripe)
{CARDS}

  Logs in {plan.logs} (those of MongoDB and NATS only there)
  Data in {plan.folder}
  Ctrl-C stops everything; a second one does not wait.
"""
