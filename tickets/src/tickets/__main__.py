"""`python -m tickets republish` publishes a snapshot of every ticket."""

from common.republish_command import main
from tickets.repository import TicketRepository
from tickets.settings import Settings

if __name__ == "__main__":
    main(Settings, TicketRepository)
