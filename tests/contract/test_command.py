"""Commands and results: identity on the wire, and a signature over bytes that leave no room."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_contract.command import (
    Command,
    Outcome,
    Result,
    decode_command,
    decode_result,
    encode_command,
    encode_result,
)
from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import RefusedError

pytestmark = pytest.mark.edge

COMMAND = Command("c-1", Gateway("park", "gw"), "ess-1", "setpoint_kw", -250.0, 10, 20, 3, "操作员", b"\x01\xff")


@given(st.floats(-1e6, 1e6), st.integers(0, 2**53), st.binary(max_size=64))
def test_a_command_survives_the_wire(value: float, counter: int, signature: bytes) -> None:
    command = replace(COMMAND, value=value, counter=counter, signature=signature)
    assert decode_command(encode_command(command)) == command


def test_the_signed_bytes_are_canonical_and_leave_the_signature_out() -> None:
    expected = (
        '{"counter":3,"device":"ess-1","expires":20,"gateway":"gw","id":"c-1","issuer":"操作员",'
        '"not_before":10,"park":"park","signal":"setpoint_kw","value":-250.0}'
    )
    assert COMMAND.signed_bytes() == expected.encode()
    assert decode_command(encode_command(COMMAND)).signed_bytes() == expected.encode()


@pytest.mark.parametrize(
    "change",
    [
        {"value": -250.001},
        {"counter": 4},
        {"expires_ms": 21},
        {"not_before_ms": 9},
        {"device": "ess-2"},
        {"gateway": Gateway("park", "gx")},
        {"signal": "limit_pct"},
        {"issuer": "x"},
        {"command_id": "c-2"},
    ],
)
def test_every_field_is_under_the_signature(change: dict[str, object]) -> None:
    assert replace(COMMAND, **change).signed_bytes() != COMMAND.signed_bytes()  # type: ignore[arg-type]


@given(st.sampled_from(Outcome), st.none() | st.floats(-1e6, 1e6), st.text(st.characters(codec="utf-8"), max_size=50))
def test_a_result_survives_the_wire(outcome: Outcome, value: float | None, detail: str) -> None:
    result = Result("c-1", outcome, 1795399200000, value, detail)
    assert decode_result(encode_result(result)) == result


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        encode_command(COMMAND).replace(b"01ff", b"zz"),
        encode_command(COMMAND).replace(b"-250.0", b"NaN"),
        encode_command(COMMAND).replace(b'"gw"', b'"+"'),
        b" " * 5000,
    ],
)
def test_a_wrong_command_is_refused(payload: bytes) -> None:
    with pytest.raises(RefusedError):
        decode_command(payload)


def test_an_unknown_outcome_is_refused() -> None:
    payload = encode_result(Result("c-1", Outcome.APPLIED, 1)).replace(b"applied", b"perhaps")
    with pytest.raises(RefusedError, match="perhaps"):
        decode_result(payload)
