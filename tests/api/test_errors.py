"""Errors as clients see them."""

from __future__ import annotations

import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc import StatusCode

from api.errors import message_of, rich_status, status_of
from model.errors import ErrorCode, InvalidRequest, LimitExceeded, Misconfigured, NotFound, Unauthenticated


@pytest.mark.parametrize("code", [code for code in ErrorCode if code.value < 2000 or code is ErrorCode.INVALID_KEY])
def test_who_is_not_known_is_told_so_by_status_whatever_the_number_of_the_code(code: ErrorCode) -> None:
    error = Unauthenticated("no", code)
    assert status_of(error) == (StatusCode.UNAUTHENTICATED, 401)
    assert message_of(error) == code.wire_name
    assert rich_status(error).code == 16


def test_a_code_of_the_contract_decides_over_the_type() -> None:
    assert status_of(InvalidRequest("x", ErrorCode.SUBJECT_TYPE_NOT_FOUND)) == (StatusCode.NOT_FOUND, 404)
    assert status_of(NotFound("x", ErrorCode.VALIDATION)) == (StatusCode.INVALID_ARGUMENT, 400)


def test_a_limit_tells_when_to_come_again_if_waiting_helps() -> None:
    info, retry = ErrorInfo(), RetryInfo()
    first, second = rich_status(LimitExceeded("slow down", retry_after_s=1.25)).details
    assert first.Unpack(info)
    assert second.Unpack(retry)
    assert info.metadata["explanation"] == "slow down"
    assert retry.retry_delay.ToMilliseconds() == 1250
    (only,) = rich_status(LimitExceeded("too large")).details
    assert only.Unpack(info)


def test_a_node_that_is_told_nonsense_is_no_fault_of_a_client() -> None:
    assert status_of(Misconfigured("x")) == (StatusCode.INTERNAL, 500)
