"""What a Python program needs, counted from what is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from livesteps.libraries import libraries


def test_libraries_are_counted_with_what_they_need_in_their_turn() -> None:
    found = libraries(["boto3"])
    # boto3 needs botocore, and that python-dateutil, and that six.
    assert {"boto3", "botocore", "python-dateutil", "six"} <= found
    assert libraries(["boto3", "six", "Boto3"]) == found


def test_a_library_that_only_an_extra_needs_does_not_count() -> None:
    assert "awscrt" not in libraries(["boto3"])  # it is that of botocore[crt]


def test_what_is_not_installed_is_an_error() -> None:
    with pytest.raises(PackageNotFoundError):
        libraries(["no-such-distribution"])
