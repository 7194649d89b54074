"""Who judges which pair next, and how far each character is."""

from __future__ import annotations

from tests.unit.opinions import pair, vote
from worker.console.web.listen.progress import VotesSeen


def test_the_next_pair_is_one_that_the_listener_has_not_judged_the_least_judged_first() -> None:
    pairs = [*(pair(number) for number in range(3)), pair(7, character="ghoul")]
    seen = VotesSeen()
    for listener, number in (("lena", 0), ("otto", 1), ("otto", 0), ("mei", 1), ("otto", 0)):
        seen.add(vote(number, "equal", listener_id=listener))
    judged: list[str] = []
    while (following := seen.next_pair(pairs, "lena", "pip_boy")) is not None:
        judged.append(following.line)
        seen.add(vote(int(following.line[-1]), "equal", listener_id="lena"))
    assert judged == ["line-2", "line-1"]
    progress = {each.character: (each.own, each.ready, each.votes) for each in seen.progress(pairs, pairs, "lena")}
    assert progress == {"ghoul": (0, 1, 0), "pip_boy": (3, 3, 6)}


def test_pairs_whose_takes_are_being_made_count_apart() -> None:
    pairs = [pair(number) for number in range(3)]
    seen = VotesSeen()
    for number in range(2):
        seen.add(vote(number, "equal", listener_id="lena"))
    (progress,) = seen.progress(pairs, pairs[1:], "lena")
    assert (progress.ready, progress.making, progress.own, progress.votes) == (2, 1, 1, 1)
