"""The listening pages without Kafka: what they tell, whose tickets they take, and that both takes are equally loud."""

from __future__ import annotations

import io

import pytest
import soundfile

from schemas.errors import UsageError
from schemas.pair import Pair
from tests.unit.console.web.consoles import LISTENER, console_parts, csrf_of, signed_in
from tests.unit.opinions import pair, pair_document, vote
from worker.speech.loudness import integrated_lufs


def readings(number: int, **changes: object) -> Pair:
    """Takes 1 and 2 of a line."""
    first = {**pair_document(number)["first"], "audio": f"takes/chirp3-hd/{number}-1.ogg"}
    second = {**first, "audio": f"takes/chirp3-hd/{number}-2.ogg", "take": 2}
    return pair(number, **{"pair_id": f"takes-{number}", "first": first, "second": second, **changes})


async def test_a_ticket_is_its_listeners_alone_and_of_a_pair_that_there_is() -> None:
    room = console_parts(pairs=[pair(1), pair(2)]).room
    shown, ticket = room.show("lena", pair(1))
    assert "chirp" not in ticket
    assert room.open(ticket, "lena") == shown
    assert shown.in_order
    spoken_anew = pair(1, first=pair_document(3)["first"])
    room.pairs.add(spoken_anew)
    for wrong, listener in ((ticket, "lena"), (room.show("lena", pair(2))[1], "otto"), ("x", "lena"), ("", "lena")):
        with pytest.raises(UsageError, match="ticket: "):
            room.open(wrong, listener)


async def test_a_page_says_nothing_of_the_voice_model_and_a_wrong_vote_is_refused() -> None:
    parts = console_parts(pairs=[pair(1)])
    visiting = await signed_in(parts, LISTENER)
    page = await visiting.get("/listen")
    assert "chirp3-hd" not in page.text
    assert "takes/" not in page.text
    _, ticket = parts.room.show("lena", pair(1))
    for form, said in (
        ({"choice": "third"}, "choice: "),
        ({"choice": "cannot_use"}, "fault.side: "),
        ({"choice": "cannot_use", "side": "both", "reason": "clear"}, "reason"),
    ):
        answer = await visiting.post("/listen", {**form, "ticket": ticket, "csrf": csrf_of(page)})
        assert answer.status == 422
        assert said in answer.text


@pytest.mark.parametrize("path", ["/listen", "/takes"])
async def test_both_takes_are_equally_loud_and_in_one_form(path: str) -> None:
    shown = pair(1) if path == "/listen" else readings(1, second={**pair_document(1)["second"], "take": 2})
    parts = console_parts(pairs=[shown])
    visiting = await signed_in(parts, LISTENER)
    _, ticket = parts.room.show("lena", shown)
    heard = []
    for side in ("first", "second"):
        answer = await visiting.get(f"{path}/{side}?ticket={ticket}")
        assert answer.header("content-type") == "audio/wav"
        samples, rate = soundfile.read(io.BytesIO(answer.body), dtype="float32")
        assert abs(samples).max() <= 0.8
        heard.append(integrated_lufs(samples, rate))
    # Unmatched they differ by 12 LU.
    assert heard[0] == pytest.approx(heard[1], abs=0.1)


async def test_a_pair_is_heard_once_both_takes_are_stored() -> None:
    missing = {**pair_document(1)["first"], "audio": "takes/missing.ogg"}
    visiting = await signed_in(console_parts(pairs=[pair(1, first=missing)]), LISTENER)
    page = await visiting.get("/listen")
    assert "<audio" not in page.text
    assert "being made" in page.text
    nothing = await (await signed_in(console_parts(), LISTENER)).get("/listen")
    assert "no pairs to judge" in nothing.text


async def test_readings_of_a_line_are_no_blind_pair_and_show_the_last_choice() -> None:
    parts = console_parts(pairs=[readings(1), readings(2)])
    visiting = await signed_in(parts, LISTENER)
    assert "<audio" not in (await visiting.get("/listen")).text
    page = (await visiting.get("/takes?pair=takes-2")).text
    assert "Take 2 it is" in page
    assert 'id="pair">pip_boy <span class="muted">line-2<' in page
    first, second = ({**each.model_dump(mode="json"), "voice": "v"} for each in (readings(2).first, readings(2).second))
    for each in (first, second):
        del each["take"]
    for choice, chosen in (("second", "Take 2"), ("first", "Take 1"), ("equal", None)):
        parts.room._add(vote(2, choice, first=first, second=second, listener_id="mei"))
        shown = (await visiting.get("/takes")).text
        assert (f'<span class="badge pass">{chosen}</span> mei' in shown) is (chosen is not None)
