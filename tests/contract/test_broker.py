"""A broker's address: `mqtts` is TLS; whatever is no address is refused, and the login in it is not repeated."""

import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_contract.broker import BrokerAddress, BrokerAddressError, broker_address, host_name, tls_context

pytestmark = pytest.mark.edge

FILE = st.text("ab c&=%+#é/.", min_size=1, max_size=8).map(lambda name: Path("/") / name.strip("/"))
LOGIN = st.text("abZ/:@?#%+ é", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("broker.example", BrokerAddress("broker.example", 1883)),
        ("127.0.0.1:1884", BrokerAddress("127.0.0.1", 1884)),
        ("mqtt://[::1]:1884/", BrokerAddress("::1", 1884)),
        ("mqtt://me:p%40ss@host", BrokerAddress("host", 1883, False, "me", "p@ss")),
        ("mqtts://host", BrokerAddress("host", 8883, tls=True)),
        ("mqtts://host?ca=ca.crt", BrokerAddress("host", 8883, tls=True, ca=Path("ca.crt"))),
        (
            "mqtts://tap@host:1?ca=a%20b&cert=/c&key=/k",
            BrokerAddress("host", 1, True, "tap", ca=Path("a b"), cert=Path("/c"), key=Path("/k")),
        ),
    ],
)
def test_an_address_is_read(text, expected):
    assert broker_address(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://host", "mqtt://host:1883"),
        ("ssl://host:8883", "mqtts://host:8883"),
        ("mqtt://", "not a broker's address"),
        ("mqtt://host:0x1", "not a broker's address"),
        ("mqtt://host:70000", "not a broker's address"),
        ("mqtt://host/topic", "not a broker's address"),
        ("mqtts://host?caa=x", "it has caa"),
        ("mqtts://host?ca", "not a broker's address"),
        ("mqtts://host?ca=", "empty or named twice"),
        ("mqtts://host?ca=a&ca=b", "empty or named twice"),
        ("mqtts://host?cert=c", "name both or none"),
        ("mqtt://host?ca=ca.crt", "certificates need mqtts://"),
    ],
)
def test_what_is_none_is_refused_and_the_login_is_not_repeated(text, said):
    with pytest.raises(BrokerAddressError) as refused:
        broker_address(text.replace("://", "://me:secret@"))
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


@given(
    st.sampled_from(["host", "127.0.0.1", "::1"]),
    st.integers(1, 65_535),
    st.none() | LOGIN,
    LOGIN,
    st.none() | FILE,
    st.none() | FILE,
)
def test_an_address_written_is_the_address_read(host, port, username, password, ca, own):
    login = {} if username is None else {"username": username, "password": password}
    address = BrokerAddress(host, port, tls=True, ca=ca, cert=own, key=own, **login)
    assert broker_address(address.url) == address
    plain = BrokerAddress(host, port, **login)
    assert broker_address(plain.url) == plain
    assert repr(password) not in repr(plain).replace(repr(username), "")


def test_tls_is_at_least_1_2_and_checks_certificate_and_name():
    context = tls_context(None)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert BrokerAddress("host", 1883).context() is None


def test_files_of_no_use_are_named(tmp_path):
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    for wrong in (tmp_path / "missing.pem", junk):
        with pytest.raises(OSError, match=wrong.name):
            tls_context(wrong)
        with pytest.raises(OSError, match=wrong.name):
            tls_context(None, wrong, wrong)


@pytest.mark.parametrize(("host", "right"), [("broker.example", True), ("mqtts://broker", False), (" ", False)])
def test_a_host_in_settings_has_no_scheme(host, right):
    assert (host_name(host) is None) == right
