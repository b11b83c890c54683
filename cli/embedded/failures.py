"""What keeps an embedded server from running."""


class EmbeddedFailed(Exception):
    """An embedded server cannot run. The text is a sentence that says what to do.

    EmbeddedFailed
    ├── HomeTaken            another Mayday runs on this state folder
    ├── HomeUnusable         a folder cannot be written, or belongs to someone else
    ├── ProgramMissing       there is no server for this platform
    ├── DataOfAnotherRelease the data was made by another major release of Postgres
    └── ServerFailed         a server ended, or does not come up; the end of its log follows
    """


class HomeTaken(EmbeddedFailed):
    """Another Mayday runs on this state folder."""


class HomeUnusable(EmbeddedFailed):
    """A folder cannot be written, or belongs to someone else."""


class ProgramMissing(EmbeddedFailed):
    """There is no server for this platform."""


class DataOfAnotherRelease(EmbeddedFailed):
    """The data was made by another major release of Postgres."""


class ServerFailed(EmbeddedFailed):
    """A server ended, or does not come up."""
