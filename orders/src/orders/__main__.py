"""`python -m orders republish` publishes a snapshot of every order."""

from common.republish_command import main
from orders.repository import OrderRepository
from orders.settings import Settings

if __name__ == "__main__":
    main(Settings, OrderRepository)
