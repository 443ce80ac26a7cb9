"""What the tests of accounting share: the park of the tests of metering."""

from tests.metering.conftest import park

__all__ = ["park"]
