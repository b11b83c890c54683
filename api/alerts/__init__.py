"""Alerts as people set them up: channels, rules, previews, mutes."""
