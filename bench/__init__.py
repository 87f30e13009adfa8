"""What things cost: each bench starts what it needs, is bounded, and compares within one run."""
