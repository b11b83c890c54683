"""`python -m cli`, which is what the launcher `mayday` runs."""

from cli.main import app

if __name__ == "__main__":
    app(prog_name="mayday")
