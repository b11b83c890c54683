"""Alerts: what is sent, and how."""
