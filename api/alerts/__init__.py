"""Alerts: channels, rules, previews, mutes."""
