"""Names of frames that outlive a deploy: without the numbers, hashes and generated parts that a build puts into them. Pure."""

import re
from typing import Final

from common.fingerprint.libraries import is_library, is_library_class, is_library_of_go, is_library_of_rust

Named = tuple[str, bool]  # the frame's name, and whether it is the program's own

_VOLATILE: Final = re.compile(r"(?<![a-z\d])(?=[a-fx]*+\d)(?:0x)?[0-9a-f]{6,}+(?![a-z])|\d++")
_DIGIT: Final = re.compile(r"\d")
# The hash in the name of a bundle: hexadecimal, or the eight characters that Vite and Rollup take, which are no word.
_HASHED: Final = re.compile(
    r"[-.~](?:(?=[a-f]*+\d)[0-9a-f]{6,32}|(?![A-Z]?[a-z]++(?:[A-Z][a-z]++)*+\.)(?=[a-z_-]*+[\dA-Z])[\w-]{8}|[A-Z2-7]{8})"
    r"(?=\.(?:chunk\.|bundle\.|min\.|esm\.)?[mc]?js$)"
)
_MINIFIED: Final = re.compile(r"(?:async |new )?(?:[\w$]{1,3}\.)*+[\w$]{0,3}$")
_OF_SCRIPT: Final = re.compile(r"async |Object\.(?=<)|<anonymous>| \[as [^\]]{1,80}\]")
# What proxies, lambdas and coroutines put into names of the JVM, and .NET into those of async methods and lambdas.
_PROXY: Final = re.compile(
    r"\$(?:\$[\w$]*+|HibernateProxy\b[\w$]*+|HibernateProxy\$\w++|MockitoMock\$\w++|ByteBuddy\$\w++|Proxy\d++|\d++(?=[.$]|$))"
    r"(?:/[\w$]++)?|(?<=\.)lambda\$(?=\w)|(?<=\w)\$(?:suspendImpl|lambda|default)\b|\$\d++$|\.invokeSuspend$"
)
_ASYNC: Final = re.compile(
    r"<>c(?:__DisplayClass\w++)?\.|<(\w++)>(?:d__\d++\.MoveNext|b__[\d_]++|g__(?:\w++\|[\d_]++))|`\d++|\[[\w,` ]*+\]"
)
_GO_CALL: Final = re.compile(r"(?:created by )?((?:[\w.~%\-]++/){0,32}[\w.~%\-]++(?:\(\*?+\w++\))?[\w.\[\]]*+)")
_RUBY_OWNER: Final = re.compile(r"(?<![\w:])[A-Z][\w:]*+[#.](?=\S)")
_RUST_HASH: Final = re.compile(r"::h[0-9a-f]{16}$")
COMPREHENSIONS: Final = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>"})  # no frames of their own since Python 3.12


def name_by_file(path: str, function: str) -> Named:
    """The frame of a function in a file (with slashes), and whether it is the program's own by where the file is."""
    path = path.partition("?")[0]
    module = "/".join(path.rsplit("/", 2)[-2:])
    return make_stable(f"{module}:{function.strip(' `')}"), not is_library(path)


def name_in_script(path: str, function: str) -> Named:
    """The same in JavaScript, where a build gives files a hash, and the functions in them names of a letter or two."""
    path = path.partition("?")[0]
    is_own = not is_library(path)
    plain = _HASHED.sub("", path) if path.endswith("js") else path
    function = _OF_SCRIPT.sub("", function.strip())
    if (len(plain) < len(path) or ".min." in path) and _MINIFIED.match(function):
        function = ""
    module = "/".join(plain.rsplit("/", 2)[-2:])
    return make_stable(f"{module}:{function}"), is_own


def name_in_ruby(path: str, function: str) -> Named:
    """The same in Ruby, which names the class of a method since 3.4."""
    return name_by_file(path, _RUBY_OWNER.sub("", function))


def name_by_class(name: str) -> Named:
    """The frame of a method by its qualified name, as the JVM has it, and whether it is the program's own by its package."""
    if "$" in name:
        name = _PROXY.sub("", name)
    return make_stable(name), not is_library_class(name)


def name_in_dotnet(name: str) -> Named:
    """The same in .NET: an async method and a lambda are called as the method that they are written in."""
    if "<" in name or "`" in name or "[" in name:
        name = _ASYNC.sub(lambda match: match[1] or "", name)
    return make_stable(name), not is_library_class(name)


def name_in_go(path: str, name: str) -> Named:
    """The frame of a function of Go by its qualified name, and whether it is the program's own."""
    call = _GO_CALL.match(name)
    name = call[1] if call else ""
    return make_stable(name), not is_library_of_go(path, name)


def name_in_rust(path: str, function: str) -> Named:
    function = _RUST_HASH.sub("", function)
    named, _ = name_by_file(path, function) if path else (make_stable(f":{function}"), True)
    return named, not is_library_of_rust(path, function)


def name_in_php(path: str, function: str) -> Named:
    return name_by_file(path or "<internal>", function.replace("->", "::"))


def name_in_dart(path: str, function: str) -> Named:
    return name_by_file(path, function.replace(".<anonymous closure>", ""))


def name_in_apple(path: str, function: str) -> Named:
    """A trace as text has no folders."""
    return name_by_file(path.rpartition("/")[2], function)


def make_stable(name: str) -> str:
    """The name without the numbers and hashes that a build puts into it."""
    return _VOLATILE.sub("#", name) if _DIGIT.search(name) else name
