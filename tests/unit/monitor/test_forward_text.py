import pytest

from lockstep.errors import UsageError
from lockstep.host.options import Forward
from lockstep.monitor.forward_text import parse_forward, parse_forwards


@pytest.mark.parametrize(
    ("text", "forward"),
    [
        ("8080:80", Forward(8080, 80, "127.0.0.1")),
        ("1:65535", Forward(1, 65535, "127.0.0.1")),
        ("0.0.0.0:8080:80", Forward(8080, 80, "0.0.0.0")),
        ("[::1]:8080:80", Forward(8080, 80, "::1")),
    ],
)
def test_good_ones(text: str, forward: Forward) -> None:
    assert parse_forward(text) == forward


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "80",
        "80:",
        ":80",
        "0:80",
        "80:65536",
        "a:80",
        "-1:80",
        "٣:80",
        "x:1:2",
        "1.2.3:1:2",
        "::1:1:2",
        "8 :80",
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--forward"):
        parse_forward(text)


def test_there_has_to_be_a_network() -> None:
    with pytest.raises(UsageError, match="--net user"):
        parse_forwards(["8080:80"], has_network=False)
    assert parse_forwards([], has_network=False) == ()


def test_a_port_leads_to_one_place() -> None:
    with pytest.raises(UsageError, match="8080 twice"):
        parse_forwards(["8080:80", "8080:81"], has_network=True)
    assert len(parse_forwards(["8080:80", "127.0.0.2:8080:80", "8081:80"], has_network=True)) == 3
