"""Statements that raise errors, read from sources of packages, and the messages that they would make: labelled messages of
programs that nobody wrote for the purpose."""
