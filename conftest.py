"""Gives every test the real servers, and what it takes to test one service with them."""

pytest_plugins = ["devstack.fixtures", "devstack.service_fixtures"]
