"""The files that deploy and test the system elsewhere: checked without an engine or a cluster."""
