"""OTLP: log records, spans and metrics as OpenTelemetry's exporters and the Collector send them over HTTP. Pure.

A request is split into groups of one origin (resource and scope) and the bytes of their records (`encodings`), so that each
record is read alone, and only where it may become something: `logs` and `spans` make errors of them, and
api/spending/otlp_usage.py makes usage records of spans. docs/otlp.md says what is kept.
"""
