"""Every way to write a private address is known for one, and only what is named is allowed beside public ones."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.alerts.addresses import Address, AllowList, is_public, plain, read_host

PRIVATE = [
    "0.0.0.1", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.255", "168.63.129.16", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.192", "192.168.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fd00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "100::1", "3fff::1", "5f00::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a00:1",
    "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2606:4700::5efe:10.0.0.1",
    "2606:4700::200:5efe:127.0.0.1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "172.32.0.1",
    "2606:4700:4700::1111",
    "::ffff:1.1.1.1",
    "64:ff9b::1.1.1.1",
    "2002:101:101::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_known_for_one(address: str) -> None:
    assert not is_public(ip_address(address))
    assert not AllowList().allows("hooks.example", ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_known_for_one(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_what_python_calls_private_is_never_public_in_whatever_it_is_wrapped(address: IPv4Address) -> None:
    wrapped = [int(ip_address(prefix)) + int(address) for prefix in ("::ffff:0:0", "64:ff9b::")]
    numbers = [*wrapped, (0x2002 << 112) + (int(address) << 80)]
    forms: list[Address] = [address, *(IPv6Address(number) for number in numbers)]
    if not address.is_global or address.is_multicast:
        assert [form for form in forms if is_public(form)] == []
    assert len({is_public(form) for form in forms}) == 1


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_what_python_calls_private_in_ipv6_is_never_public(address: IPv6Address) -> None:
    if not address.is_global and address not in ip_network("64:ff9b::/96") and address.ipv4_mapped is None:
        assert not is_public(address)


@pytest.mark.parametrize(
    ("allow", "host", "address", "allowed"),
    [
        ("127.0.0.1", "x", "127.0.0.1", True),
        ("127.0.0.1", "x", "::ffff:127.0.0.1", True),
        ("127.0.0.1", "x", "127.0.0.2", False),
        ("127.0.0.1", "x", "64:ff9b::127.0.0.1", False),
        ("10.0.0.0/8, fd00::/8", "x", "10.9.8.7", True),
        ("10.0.0.0/8, fd00::/8", "x", "fd00::7", True),
        ("10.0.0.0/8", "x", "11.0.0.1", True),
        ("::1", "x", "127.0.0.1", False),
        ("mail.internal", "mail.internal", "10.0.0.1", True),
        ("MAIL.internal.", "mail.internal", "10.0.0.1", True),
        ("mail.internal", "other.internal", "10.0.0.1", False),
        ("mail.internal", "x.mail.internal", "10.0.0.1", False),
        ("", "x", "1.1.1.1", True),
    ],
)
def test_only_what_is_named_is_allowed(allow: str, host: str, address: str, allowed: bool) -> None:
    assert AllowList.parse(allow).allows(host, ip_address(address)) is allowed


@pytest.mark.parametrize("text", ["10.0.0.0/33", "http://host", "a b", "host:80", "*", "0x7f.1"])
def test_what_is_no_host_address_or_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a host name nor an address nor a network"):
        AllowList.parse(text)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Hooks.Example.", "hooks.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("[::FFFF:127.0.0.1]", "127.0.0.1"),
        ("[2606:4700:0::1]", "2606:4700::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("①②⑦.example", "127.example"),
        ("a_b.example", "a_b.example"),
    ],
)
def test_a_host_has_one_form(text: str, host: str) -> None:
    assert read_host(text) == host


@pytest.mark.parametrize(
    "text",
    ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "1.2.3.4.5", "①②⑦.⓪.⓪.①", "", ".", "a..b", "-a.example", "a" * 64,
     "a.b" * 90, "a b", "a/b", "a%00b", "a:b", "[a]", "host\n", "xn--a.①"],
)  # fmt: skip
def test_a_host_that_programs_read_in_two_ways_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"host|address"):
        read_host(text)


def test_a_mapped_address_is_the_one_that_it_means() -> None:
    assert plain(ip_address("::ffff:10.0.0.1")) == ip_address("10.0.0.1")
    assert plain(ip_address("fe80::1%lo")) == ip_address("fe80::1")
