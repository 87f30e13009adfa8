"""What the system can do and what it costs: `make bench` measures it against its floors."""
