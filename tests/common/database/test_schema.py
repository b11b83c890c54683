"""Which schemas a release runs on."""

from common.database.schema import explain_revision, known_revisions


def test_the_newest_revision_and_one_of_a_later_release_serve() -> None:
    assert explain_revision(known_revisions()[0]) == ""
    assert explain_revision("of-a-later-release") == ""


def test_a_schema_that_is_behind_or_missing_is_named_with_the_cure() -> None:
    assert "./mayday migrate" in explain_revision(None)
    assert all("./mayday migrate" in explain_revision(older) for older in known_revisions()[1:])
