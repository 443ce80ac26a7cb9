"""The verifier's own Ed25519: the vectors of RFC 8032, and every second way to tell a signature or a key refused."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_vpp import verify
from parkgrid_vpp.centre_key import CentreKey

ABC = hashlib.sha512(b"abc").digest()
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        b"",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        b"\x72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        b"\xaf\x82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        ABC,
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ),
]
# The points of order 1, 2, 4 and 8, each in its canonical form, and forms with y of P or more.
SMALL = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
]
SECOND_FORMS = [
    "0100000000000000000000000000000000000000000000000000000000000080",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_standard(seed: str, public: str, message: bytes, signature: str) -> None:
    key = CentreKey(bytes.fromhex(seed))
    assert (key.public.hex(), key.sign(message).hex()) == (public, signature)
    assert verify.signed(bytes.fromhex(public), message, bytes.fromhex(signature))
    assert not verify.signed(bytes.fromhex(public), message + b"x", bytes.fromhex(signature))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 511))
def test_it_agrees_with_the_library_and_refuses_each_other_bit(seed: bytes, message: bytes, bit: int) -> None:
    key = CentreKey(seed)
    signature = bytearray(key.sign(message))
    assert verify.signed(key.public, message, bytes(signature))
    signature[bit // 8] ^= 1 << bit % 8
    assert not verify.signed(key.public, message, bytes(signature))


def test_a_second_form_of_a_signature_is_refused() -> None:
    key = CentreKey(bytes(32))
    signature = key.sign(b"x")
    s = int.from_bytes(signature[32:], "little") + verify.L
    assert not verify.signed(key.public, b"x", signature[:32] + s.to_bytes(32, "little"))


@pytest.mark.parametrize("public", [*SMALL, *SECOND_FORMS])
def test_a_key_of_small_order_or_in_a_second_form_is_refused(public: str) -> None:
    assert verify.point_of(bytes.fromhex(public)) is None
    # With the neutral point as the key, R = S x B fits every message.
    assert not verify.signed(bytes.fromhex(public), b"x", bytes.fromhex(SMALL[0]) + bytes(32))


def test_a_signature_of_another_length_is_refused() -> None:
    key = CentreKey(bytes(32))
    assert not verify.signed(key.public, b"x", key.sign(b"x") + b"\0")
    assert not verify.signed(key.public[:31], b"x", key.sign(b"x"))
