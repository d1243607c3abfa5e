"""Hypothesis strategies: what people type, well and badly."""

from __future__ import annotations

from hypothesis import strategies as st

from coproauth.core.activation_codes import ALPHABET, RANDOM_SYMBOLS, ActivationCode
from coproauth.core.password_policy import parse_password, violations
from coproauth.policy import Policy

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SEPARATORS = ("", " ", "-", "\u2013", " \u2014 ", "\u00a0", "\u2212", "\t")
_MISREADINGS = {"0": "0oO", "1": "1iIlL"}
_DOMAINS = {  # as typed, and the form that is compared
    "example.fr": "example.fr",
    "example.org": "EXAMPLE.org",
    "a-b.example.com": "a-b.example.com",
    "copropriétés.example": "xn--coproprits-i7ab.example",
    "faß.example.de": "xn--fa-hia.example.de",
    "例え.example.jp": "xn--r8jz45g.example.jp",
}
_NEVER_TEXT: tuple[object, ...] = (
    None,
    True,
    0,
    -1,
    3.5,
    b"",
    b"bytes",
    (),
    ["a@example.fr"],
    {"email": "a"},
    object(),
)
_HOSTILE = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "a\r\nBcc: b@example.fr",
    "\u0085",
    "\u2028",
    "\ud800",
    "\udfff\ud800",
    "\u202etxt.exe",
    "\u200b\u2060\ufeff",
    "\ufdfa" * 40,
    "e" + "\u0301" * 200,
    "' OR 1=1 --",
    "../../etc/passwd",
    "%s%s%n",
    "{0.__class__}",
    "<script>alert(1)</script>",
    "\U0010ffff",
)


def activation_codes() -> st.SearchStrategy[str]:
    """Codes as they are printed."""
    drawn = st.binary(min_size=RANDOM_SYMBOLS, max_size=RANDOM_SYMBOLS)
    return drawn.map(_code_from).filter(bool)


def spellings_of(code: str) -> st.SearchStrategy[str]:
    """Ways in which a person types a printed code: any case, separators, O for 0, I or L for 1."""
    symbols = [
        st.tuples(st.sampled_from(_MISREADINGS.get(symbol, symbol.lower() + symbol)), st.sampled_from(_SEPARATORS))
        for symbol in code
        if symbol != "-"
    ]
    typed = st.tuples(*symbols).map(lambda pairs: "".join(symbol + separator for symbol, separator in pairs))
    return typed.filter(lambda text: len(text) <= 64)  # noqa: PLR2004 - what is read at most


@st.composite
def malformed_activation_codes(draw: st.DrawFn) -> str:
    """Printed codes with one slip: a wrong symbol, two neighbours swapped, one missing, one too many, a U."""
    symbols = list(draw(activation_codes()).replace("-", ""))
    place = draw(st.integers(0, RANDOM_SYMBOLS - 1))
    can_swap = symbols[place] != symbols[place + 1]
    match draw(st.sampled_from(["wrong", "missing", "doubled", "U", *(["swapped"] if can_swap else [])])):
        case "wrong":
            symbols[place] = draw(st.sampled_from([other for other in ALPHABET if other != symbols[place]]))
        case "swapped":
            symbols[place], symbols[place + 1] = symbols[place + 1], symbols[place]
        case "missing":
            del symbols[place]
        case "doubled":
            symbols.insert(place, symbols[place])
        case _:
            symbols[place] = "U"
    return "".join(symbols)


def email_addresses() -> st.SearchStrategy[str]:
    """Addresses that can be logged in with, some under an international domain."""
    atom = st.text(_LETTERS + _LETTERS.upper() + "0123456789_+-", min_size=1, max_size=12)
    local = st.lists(atom, min_size=1, max_size=3).map(".".join)
    return st.builds(lambda name, domain: f"{name}@{domain}", local, st.sampled_from(sorted(_DOMAINS)))


@st.composite
def equal_email_addresses(draw: st.DrawFn) -> tuple[str, str]:
    """Two spellings of one address: case of letters, the xn-- form of the domain, spaces around."""
    local, _, domain = draw(email_addresses()).partition("@")
    other_domain = draw(st.sampled_from([domain, _DOMAINS[domain], _DOMAINS[domain].upper()]))
    other_local = "".join(draw(st.sampled_from([symbol.lower(), symbol.upper()])) for symbol in local)
    padding = draw(st.sampled_from(["", " ", "   "]))
    return f"{local}@{domain}", f"{padding}{other_local}@{other_domain}{padding}"


@st.composite
def different_email_addresses(draw: st.DrawFn) -> tuple[str, str]:
    """Two addresses that differ by more than their spelling."""
    one, other = draw(email_addresses()), draw(email_addresses())
    if one.lower() == other.lower():
        other = f"x{other}"
    return one, other


def acceptable_passwords() -> st.SearchStrategy[str]:
    """Passwords that the default policy lets pass where nothing is known about the person."""
    words = st.lists(st.text(_LETTERS + "éèçàù", min_size=5, max_size=10), min_size=3, max_size=6, unique=True)
    texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=15, max_size=64)
    return (words.map(" ".join) | texts).filter(_is_acceptable)


def hostile_text() -> st.SearchStrategy[str]:
    """Text of the kind that breaks programs: empty, control characters, lone surrogates, marks, markup."""
    anything = st.text(st.characters(codec=None), max_size=80)
    return st.sampled_from(_HOSTILE) | anything


def hostile_values() -> st.SearchStrategy[object]:
    """Anything that may arrive where text is expected."""
    return st.sampled_from(_NEVER_TEXT) | hostile_text()


def _code_from(drawn: bytes) -> str:
    """Return the code made of these bytes, or nothing if its check has no symbol."""
    draws = iter([drawn])
    try:
        return str(ActivationCode.draw(lambda _: next(draws)))
    except StopIteration:
        return ""


def _is_acceptable(password: str) -> bool:
    policy = Policy()
    return not violations(parse_password(password, field="password", policy=policy), context=(), policy=policy)
