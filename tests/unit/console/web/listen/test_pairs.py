"""Blind pairs: their file, who judges what next, and tickets that say nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.errors import UnavailableError, UsageError
from tests.unit.console.web.consoles import LISTENER, console_parts, csrf_of, signed_in
from tests.unit.opinions import vote
from worker.console.web.listen.pairs import Pair, VotesSeen, parse_pairs


def pair(number: int, character: str = "pip_boy", **changes: object) -> dict[str, object]:
    keys = {"chirp": f"takes/chirp3-hd/{number}.ogg", "wavenet": f"takes/wavenet/{number}.ogg"}
    return {"character": character, "line": f"line-{number}", **keys, **changes}


def lines(*pairs: object) -> str:
    return "\n".join(each if isinstance(each, str) else json.dumps(each) for each in pairs)


def test_a_file_has_a_pair_a_line() -> None:
    found = parse_pairs(lines(pair(1, text="Hi"), "", pair(2), pair(1, "ghoul")))
    assert [each.id for each in found] == [("pip_boy", "line-1"), ("pip_boy", "line-2"), ("ghoul", "line-1")]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("nonsense", "line 2: is no JSON object"),
        ("[1]", "line 2: "),
        (pair(2, line=""), "line 2: line: "),
        (pair(2, wavenet="takes/chirp3-hd/2.ogg"), "wavenet: must be another take than chirp"),
        (pair(2, extra=1), "line 2: extra: "),
        (pair(1), "line 2: character 'pip_boy' has line 'line-1' twice"),
    ],
)
def test_a_wrong_line_is_named(wrong: object, said: str) -> None:
    with pytest.raises(ValueError, match="line 2") as refused:
        parse_pairs(lines(pair(1), wrong))
    assert said in str(refused.value)


def test_the_next_pair_is_one_that_the_listener_has_not_judged_the_least_judged_first() -> None:
    pairs = parse_pairs(lines(*(pair(n) for n in range(3)), pair(7, "ghoul")))
    seen = VotesSeen()
    for listener, number in (("lena", 0), ("otto", 1), ("otto", 0), ("mei", 1), ("otto", 0)):
        seen.add(vote(number, "equal", listener_id=listener))
    judged: list[str] = []
    while (following := seen.next_pair(pairs, "lena", "pip_boy")) is not None:
        judged.append(following.line)
        seen.add(vote(int(following.line[-1]), "equal", listener_id="lena"))
    assert judged == ["line-2", "line-1"]
    progress = {each.character: (each.own, each.pairs, each.votes) for each in seen.progress(pairs, "lena")}
    assert progress == {"ghoul": (0, 1, 0), "pip_boy": (3, 3, 6)}


async def test_a_ticket_is_its_listeners_alone_and_of_a_pair_that_there_is(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(lines(pair(1), pair(2)))
    room = console_parts(pairs_file=file).room
    first = Pair.model_validate(pair(1))
    ticket = room.show("lena", first)
    assert "chirp" not in ticket
    shown, found = room.open(ticket, "lena")
    assert (shown.chirp_first, found) == (True, first)
    file.write_text(lines(pair(2)) + "\n\n")
    for wrong, listener in ((ticket, "lena"), (room.show("lena", first), "otto"), ("x", "lena"), ("", "lena")):
        with pytest.raises(UsageError, match="ticket: "):
            room.open(wrong, listener)
    file.write_text("nonsense")
    with pytest.raises(UnavailableError, match=r"HTTP_API_PAIRS_FILE=.*line 1"):
        room.pairs()
    file.unlink()
    with pytest.raises(UnavailableError, match="No such file"):
        room.pairs()


async def test_a_page_says_nothing_of_the_voice_model_and_a_wrong_vote_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(lines(pair(1)))
    parts = console_parts(pairs_file=file)
    visiting = await signed_in(parts, LISTENER)
    page = await visiting.get("/listen")
    assert "chirp3-hd" not in page.text
    assert "takes/" not in page.text
    ticket = parts.room.show("lena", Pair.model_validate(pair(1)))
    assert (await visiting.get(f"/listen/first?ticket={ticket}")).text == "takes/chirp3-hd/1.ogg"
    assert (await visiting.get(f"/listen/second?ticket={ticket}")).text == "takes/wavenet/1.ogg"
    for form, said in (
        ({"choice": "third"}, "choice: "),
        ({"choice": "cannot_use"}, "fault.side: "),
        ({"choice": "cannot_use", "side": "both", "reason": "clear"}, "reason"),
    ):
        answer = await visiting.post("/listen", {**form, "ticket": ticket, "csrf": csrf_of(page)})
        assert answer.status == 422
        assert said in answer.text
