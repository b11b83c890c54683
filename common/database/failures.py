"""What a failure to use Postgres mostly comes of, and the setting that cures it. Pure."""

POOLER = (
    "a pooler in transaction mode, such as PgBouncer, stands before Postgres: set MAYDAY_DATABASE_POOLER=transaction (and "
    "MAYDAY_MIGRATE_DATABASE_URL to the URL of Postgres itself)"
)
# What a failure says, in lower case, and what to do.
CURES = (
    ("unsupported startup parameter", POOLER),
    ("prepared statement", POOLER),
    ("password authentication failed", "set the user's password in MAYDAY_DATABASE_URL or MAYDAY_DATABASE_PASSWORD"),
    ("no password supplied", "set the user's password in MAYDAY_DATABASE_URL or MAYDAY_DATABASE_PASSWORD"),
)
DEFAULT_CURE = "check MAYDAY_DATABASE_URL"


def find_cure(error: BaseException | str) -> str:
    """What to do about it, as the end of a sentence."""
    said = str(error).lower()
    return next((cure for words, cure in CURES if words in said), DEFAULT_CURE)
