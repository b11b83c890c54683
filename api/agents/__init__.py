"""What agents ask over MCP: tools, resources and a prompt as a shell over the catalogue of reads; no SQL stands here."""
