"""Answers of a server that means no good, made from random numbers. Each is a list of pieces to write, and what an honest
reader may take it for: an `Answer` without a verdict may be taken for anything but must harm nobody."""
import dataclasses
import random

ACKNOWLEDGED, REFUSED, WAITS, STOPPED, UNCLEAR = "acknowledged", "refused", "waits", "stopped", "unclear"


@dataclasses.dataclass
class Answer:
    kind: str
    verdict: str
    pieces: list  # bytes, or a number of seconds to wait
    before_request: bool = False  # written without having read what was asked
    reset: bool = False  # the connection is reset, not closed
    keep: bool = False  # one more request may follow
    early: bool = False  # and has its answer already


def head(status, *lines):
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1", "replace")


def noise(rng, most):
    return rng.randbytes(rng.randrange(1, most))


def proper(rng, status, verdict, *lines):
    """What cannot be misread."""
    body = rng.choice([b"", b"{}", b'{"ok": true}', b"x" * rng.randrange(2000)])
    if rng.random() < 0.3:
        chunks, at = b"", 0
        while at < len(body):
            piece = body[at : at + rng.randrange(1, 300)]
            chunks += b"%x\r\n%s\r\n" % (len(piece), piece)
            at += len(piece)
        text = head(status, "Transfer-Encoding: chunked", *lines) + chunks + b"0\r\n\r\n"
    else:
        text = head(status, f"Content-Length: {len(body)}", *lines) + body
    if rng.random() < 0.2:
        text = rng.choice([head("100 Continue"), head("103 Early Hints", "Link: </a>; rel=preload")]) + text
    pieces = [text]
    if rng.random() < 0.2:  # as slow networks cut it
        cuts = sorted(rng.randrange(len(text)) for _ in range(4))
        pieces = [part for a, b in zip([0, *cuts], [*cuts, len(text)]) for part in (text[a:b], 0.003)]
    keep = rng.random() < 0.7
    return Answer(f"proper {status}", verdict, pieces, keep=keep)


def acknowledges(rng):
    return proper(rng, rng.choice(["200 OK", "201 Created", "202 Accepted"]), ACKNOWLEDGED)


def refuses(rng):
    return proper(rng, rng.choice(["400 Bad Request", "404 Not Found", "413 Too Large", "422 No"]), REFUSED)


def postpones(rng):
    later = rng.choice(["0", "1", "7200", "99999999999999999999", "-1", "soon", "Wed, 21 Oct 2065 07:28:00 GMT"])
    status = rng.choice(["500 Oops", "502 Bad Gateway", "503 Busy", "429 Slow Down", "408 Timeout", "425 Too Early"])
    return proper(rng, status, WAITS, f"Retry-After: {later}")


def stops(rng):
    return proper(rng, "410 Gone", STOPPED)


def silent(rng):
    return Answer("closes", WAITS, [], before_request=rng.random() < 0.3, reset=rng.random() < 0.5)


def garbage(rng):
    text = noise(rng, 3000)
    return Answer("garbage", WAITS, [b"\x16" + text.replace(b"HTTP", b"ptth")], before_request=rng.random() < 0.3)


def cut(rng):
    text = head("201 Created", "Content-Length: 2", "X: " + "y" * rng.randrange(300))
    return Answer("a head that is cut", WAITS, [text[: rng.randrange(len(text) - 4)]], reset=rng.random() < 0.3)


def endless_head(rng):
    line = rng.choice([b"X-Y: " + b"z" * 1000 + b"\r\n", b"z" * 4096, b"\x00" * 4096, b"A: b\r\n" * 100])
    return Answer("a head without end", WAITS, [b"HTTP/1.1 200 OK\r\n", *[line] * rng.choice([50, 500, 3000])])


def long_status(rng):
    return Answer("a long status line", WAITS, [b"HTTP/1.1 200 " + b"A" * rng.choice([28000, 70000, 500000])])


def flood(rng):
    first = head("100 Continue") * rng.choice([50, 5000])
    return Answer("a flood of interim answers", WAITS, [first])


def long_body(rng):
    how = rng.choice(["Content-Length: 99999999999", "Transfer-Encoding: chunked", "X-No-Length: 1"])
    size = rng.choice([10, 100, 1000])
    piece = b"1000\r\n" + b"b" * 4096 + b"\r\n" if "chunked" in how else b"b" * 8192
    status = rng.choice(["200 OK", "500 Oops", "404 Gone"])
    return Answer("a body without end", UNCLEAR, [head(status, how), *[piece] * size])


def endless_trailers(rng):
    """What comes behind the last chunk, and behind the body of an answer that is complete."""
    line = rng.choice([b"X: y\r\n" * 1000, b"Trailer: " + b"z" * 1000 + b"\r\n", b"z" * 4096, b"\r\n" * 1000])
    body = rng.choice([b"", b"2\r\n{}\r\n"])
    status = rng.choice(["200 OK", "500 Oops", "404 Gone"])
    return Answer("trailers without end", UNCLEAR, [head(status, "Transfer-Encoding: chunked") + body + b"0\r\n",
                                                    *[line] * rng.choice([10, 1000, 5000])])


def odd_framing(rng):
    lines = rng.choice([
        ["Content-Length: 5", "Content-Length: 50"], ["Content-Length: -5"], ["Content-Length: 0x10"],
        ["Content-Length: 18446744073709551617"], ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 3"], ["Content-Encoding: gzip", "Content-Length: 9"],
        ["Connection: upgrade", "Upgrade: h2c"], ["Content-Length : 4"], [": 4"], ["X" * 9000], ["A:" + "\t" * 5000 + "b"],
    ])
    chunk = rng.choice([b"ffffffffffffffff\r\n", b"-1\r\nx\r\n", b"5;" + b"e" * 60000, b"zz\r\n", b"3\r\nabc\r\n0\r\n" +
                        b"T: t\r\n" * 9000, noise(rng, 400)])
    status = rng.choice(["200 OK", "204 None", "304 Same", "503 Busy", "400 Bad", "101 Switching", "999 What", "000"])
    return Answer("odd framing", UNCLEAR, [head(status, *lines), chunk])


def mutated(rng):
    text = bytearray(b"".join(p for p in rng.choice([acknowledges, refuses, postpones])(rng).pieces
                              if isinstance(p, bytes)))
    for _ in range(rng.randrange(1, 12)):
        at = rng.randrange(len(text))
        how = rng.random()
        if how < 0.5:
            text[at] = rng.choice(b"\r\n\0: \xff0aZ/")
        elif how < 0.75:
            del text[at : at + rng.randrange(1, 20)]
        else:
            text[at:at] = noise(rng, 30)
        text = text or bytearray(b"\n")
    return Answer("a mutation", UNCLEAR, [bytes(text)], keep=rng.random() < 0.5)


def redirect(rng):
    where = rng.choice(["/", "/again", "//other.invalid/", "https://127.0.0.1/", "http://127.0.0.1:1/", "a" * 5000, "",
                        "\x1b[31m", "http://[", "file:///etc/passwd", "/%00"])
    status = rng.choice(["301 Moved", "302 Found", "307 There", "308 There"])
    return Answer("a redirect", UNCLEAR, [head(status, f"Location: {where}", "Content-Length: 0")], keep=True)


def twice(rng):
    """One answer more than was asked for, in one piece: nobody may take it for that of the next request. (One that comes
    only after the next request cannot be told from its answer, by anybody.)"""
    first, second = acknowledges(rng), rng.choice([acknowledges, stops, refuses, garbage])(rng)
    both = b"".join(piece for piece in [*first.pieces, *second.pieces] if isinstance(piece, bytes))
    return Answer("two answers", ACKNOWLEDGED, [both], keep=True, early=True)


def slow(rng):
    text = b"".join(acknowledges(rng).pieces[:1])[:120]
    return Answer("slow", UNCLEAR, [x for i in range(len(text)) for x in (text[i : i + 1], 0.004)])


def stalls(rng):
    return Answer("says nothing", WAITS, [10.5], before_request=rng.random() < 0.5)


WEIGHTED = [(acknowledges, 30), (refuses, 6), (postpones, 8), (stops, 1), (silent, 8), (garbage, 8), (cut, 6),
            (endless_head, 4), (long_status, 4), (flood, 3), (long_body, 4), (endless_trailers, 4), (odd_framing, 8),
            (mutated, 14), (redirect, 5), (twice, 4), (slow, 3), (stalls, 0.15)]


def answer(rng):
    makers, weights = zip(*WEIGHTED)
    return rng.choices(makers, weights)[0](rng)
