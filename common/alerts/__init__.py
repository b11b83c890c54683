"""What API and worker must agree on about alerts: channels, messages, what they say in each form."""
