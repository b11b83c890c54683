"""What became of the records is counted once each, and told in a line."""

from cli.send.delivery import Tally
from cli.send.mapping import Unsent


def test_a_reason_is_told_once_with_its_first_place() -> None:
    tally = Tally()
    for number in range(100):
        tally.count_unsent(Unsent(f"a:{number}", "no message"))
    tally.count_unsent(Unsent("a:100", what="below_level"))
    tally.count_unsent(Unsent("a:101", what="without_level"))
    assert tally.reasons == {"no message": ("a:0", 100)}
    assert tally.records == 102
    said = tally.describe(0)
    assert "100 rejected" in said
    assert said.endswith("not sent: 1 below warning, 1 that name no level and nothing that failed")


def test_of_many_reasons_some_are_told() -> None:
    tally = Tally()
    for number in range(100):
        tally.reject("a", f"reason {number}")
    assert len(tally.reasons) == 10
    assert tally.rejected == 100
