"""The commands with which one looks at what is failing and what it costs, and decides: all of them over the HTTP API."""
