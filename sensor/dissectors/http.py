"""HTTP/1.x over TCP on any port (RFC 9110, RFC 9112): requests, the programs that send them, and how servers identify
themselves.

Reads heads, and of bodies only what is small and identifies a device: the title of a page, the names of a form's
fields, XML and JSON in which a device describes itself. Passwords, keys and sessions are never stored, and of cookies
only the beginnings of well-known names. The content of TLS, tunnels and WebSockets is not read; HTTP/2 and printing
(IPP) have their own dissectors. A fact belongs to the sender only if the sender wrote the message: what a proxy
forwards (Via, X-Forwarded-For, an absolute request target) yields only the program of the proxy, which it adds to Via.
A server that claims to be Windows with the hop limit of another system yields none: it is a reverse proxy, or belongs
to an attack framework.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.addresses import Address
from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors import _http_fields as heads
from sensor.dissectors import _http_shape as shapes
from sensor.dissectors import _igd
from sensor.dissectors._http_direction import HttpDirection
from sensor.dissectors.shared import http_body as bodies
from sensor.dissectors.shared.http_cookies import own_cookie
from sensor.dissectors.shared.http_credentials import ntlm_message
from sensor.dissectors.shared.http_message import MORE, UNKNOWN, Head
from sensor.dissectors.shared.http_paths import is_often_requested, own_path
from sensor.dissectors.shared.http_upload import HttpUpload, files_in
from sensor.dissectors.shared.ntlm_events import ntlm_events
from sensor.dissectors.shared.seal import password_seal, seal
from sensor.dissectors.shared.sender_facts import fact, facts

NAME_LIMIT = 255
NTLM = ("ntlm", "negotiate")
# First bytes of messages on other ports. OPTIONS and SUBSCRIBE are excluded: RTSP and SIP begin with the same eight
# bytes.
STARTS = (
    b"HTTP/1.0", b"HTTP/1.1", b"GET /", b"GET http", b"POST /", b"POST htt", b"HEAD /", b"HEAD htt", b"PUT /",
    b"DELETE /", b"PATCH /", b"CONNECT ", b"PROPFIND", b"NOTIFY /", b"TRACE /",
)  # fmt: skip
# Windows sends with an initial hop limit of 128: what arrives with at most 64 comes from another system.
WINDOWS, FOREIGN_TTL = b"Microsoft-", 64


class HttpRequest(Event):
    """``path``: the target, with masked secrets in its query. ``credentials``: scheme of its credentials, ``query`` if
    they are in the URL, or empty; ``user``: their user, if readable.

    ``action``: the SOAPAction. ``length``: size of the body in bytes, -1 if unknown. ``forwarded``: a proxy forwarded
    it. ``headers``: the names of its first fields in lower case, in order, the last one ``MORE`` if the capture
    truncated the others. ``cookies`` and ``odd`` as in ``_http_shape``: shapes of cookies, fields with unusual
    characters. ``seal``: of user and password, if they are in cleartext; ``password_seal``: of the password alone,
    equal for accounts with the same one.
    """

    method: str
    host: str
    path: str
    user_agent: str
    credentials: str
    user: str
    action: str
    content_type: str
    length: int
    forwarded: bool
    headers: tuple[str, ...] = ()
    cookies: str = ""
    odd: tuple[tuple[str, str], ...] = ()
    seal: str = ""
    password_seal: str = ""

    @property
    def truncated(self) -> bool:
        """Whether header fields may be missing, which the capture truncated."""
        return self.headers[-1:] == (MORE,)


class HttpResponse(Event):
    """``schemes`` and ``realm``: of the requested credentials; ``stale``: only their nonce was too old. ``method`` and
    ``path``: of the request; empty if uncertain.
    """

    status: int
    server: str
    content_type: str
    length: int
    schemes: tuple[str, ...]
    realm: str
    location: str
    method: str
    path: str
    forwarded: bool
    stale: bool = False


class HttpLogin(Event):
    """A form with a password was sent. ``user``: empty if no field has one; ``fields``: names of its fields in order,
    never their values; ``seal`` and ``password_seal`` as in a request.
    """

    host: str
    path: str
    fields: tuple[str, ...]
    seal: str = ""
    user: str = ""
    password_seal: str = ""


class HttpBody(Event):
    """The beginning of a request's body. ``shape`` and ``odd`` as in ``_http_shape``: type and length, and the parts
    with unusual characters.
    """

    method: str
    host: str
    path: str
    user_agent: str
    headers: tuple[str, ...]
    shape: str
    odd: tuple[str, ...]


class HttpPortMapping(Event):
    """A client requests a port mapping from a router over UPnP. ``action``: the call; ``client``: the internal host it
    is for, 0 if not sent.
    """

    action: str
    client: Address
    protocol: str
    internal_port: int
    external_port: int
    description: str


class HttpUnfinished(Event):
    """Seconds after the beginning of a request its client sent a small piece of it, which does not complete it; once
    for each request.
    """


class HttpProgram(Event):
    """The response is declared to be a page and is a ``program``: ``windows`` or ``elf``."""

    program: str


class HttpPage(Event):
    """A page with a title."""

    status: int
    title: str


class HttpDescription(Event):
    """A device described itself. ``standard``: upnp, onvif, dpws, hnap, isapi, roku, cast, samsung, hue or
    shelly; ``facts``: (kind, value).
    """

    standard: str
    facts: tuple[tuple[str, str], ...]


class Http(Dissector):
    """Connections on any port that begin like HTTP; bodies are read only at the beginning."""

    interest = Interest(tcp=(80, 8080, 3128), starts=STARTS, stream=True, opening=4)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return HttpStream()


class HttpStream(Stream):
    """Messages of one connection, each direction separately; a response belongs to its request only if no other is
    pending.

    A server that receives requests for other servers is a proxy, and so may be one whose request is incomplete.
    """

    def __init__(self) -> None:
        self._directions = (HttpDirection(), HttpDirection())
        self._requested: list[HttpRequest] = []
        self._proxy = self._missed = False
        self.idle: list[bool] = [False, False]

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        direction = self._directions[not from_client]
        yield from direction.feed(packet, data, self)
        if from_client and direction.stalls(packet, len(data)):
            yield HttpUnfinished(packet)
        self.idle[not from_client] = direction.idle

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        return self._directions[not from_client].gap(missing, self)

    def finish(self) -> Iterator[Parsed]:
        for direction in self._directions:
            yield from direction.ended()

    def message(self, packet: Packet, head: Head, parsed: list[Parsed]) -> bodies.Body | None:
        """Parse a head; return the body that follows it, None if there is none."""
        if head.method:
            return self._request(packet, head, parsed)
        return self._response(packet, head, parsed)

    def forget(self) -> None:
        """A head may be missing: pending requests are unknown."""
        self._requested.clear()
        self._missed = True

    def _request(self, packet: Packet, head: Head, parsed: list[Parsed]) -> bodies.Body | None:
        event, derived = request(packet, head)
        parsed += derived
        self._proxy = self._proxy or event.method == "CONNECT" or b"://" in head.target[:16]
        if len(self._requested) < 2:
            self._requested.append(event)
        has_body = event.length > 0 or b"transfer-encoding" in head.fields
        # The rest may not be HTTP, and the response that switches protocols may be missing.
        if event.method == "CONNECT" or (b"upgrade" in head.fields and not has_body):
            return bodies.Body(packet, UNKNOWN, False, False, None)
        return bodies.of(head, packet, login=_login(event), upload=_upload(event)) if has_body else None

    def _response(self, packet: Packet, head: Head, parsed: list[Parsed]) -> bodies.Body | None:
        if 100 <= head.status < 200 and head.status != 101:  # the final response follows
            return None
        requested = self._requested[0] if len(self._requested) == 1 else None
        if len(self._requested) < 2:
            self._requested.clear()
        method, path = (requested.method, requested.path) if requested is not None else ("", "")
        proxy, foreign = self._proxy or (self._missed and requested is None), is_foreign(packet)
        event, derived = response(packet, head, method, path, proxy, foreign)
        parsed += derived
        if _switched(event):
            self.done = True
            return None
        if event.method == "HEAD" or event.status in (204, 304) or event.length == 0:
            return None
        own = _is_author(head, event, foreign)
        return bodies.of(head, packet, page=_page(event.status, own), description=_description(own))


# Parsing of heads and bodies, shared with the native dissector.


def request(packet: Packet, head: Head) -> tuple[HttpRequest, list[Parsed]]:
    """Parse the head of a request: the event, and all that belongs to it."""
    event = _request(packet, head)
    parsed: list[Parsed] = [event]
    if event.credentials in NTLM:
        parsed += _ntlm_parsed(packet, heads.sent_credentials(head.fields), event.forwarded)
    if event.user_agent and not event.forwarded:
        parsed.append(fact(packet, "http.user_agent", event.user_agent))
    if event.host and not event.forwarded and is_often_requested(event.path):
        parsed.append(fact(packet, "http.asked", clean(event.host + event.path)))
    if event.forwarded:
        parsed += facts(packet, [("http.via", heads.proxy_program(head.fields))])
    return event, parsed


def response(
    packet: Packet, head: Head, method: str, path: str, proxy: bool, foreign: bool
) -> tuple[HttpResponse, list[Parsed]]:
    """Parse the head of a response: the event, and all that belongs to it. ``method`` and ``path``: of the request;
    ``proxy``: the server forwards responses of others; ``foreign``: the server is not Windows.
    """
    event = _response(packet, head, method, path, proxy)
    parsed: list[Parsed] = [event]
    if event.status in (401, 407):
        parsed += _ntlm_parsed(packet, heads.requested_credentials(head.fields), event.forwarded)
    if event.forwarded:
        parsed += facts(packet, [("http.proxy" if proxy else "http.via", heads.proxy_program(head.fields))])
    is_author = _is_author(head, event, foreign) and not _switched(event)
    if is_author or heads.is_of_proxy(event.status, head.fields):
        parsed += _server_facts(packet, event, head.fields.get(b"set-cookie", b""))
    return event, parsed


def sent(packet: Packet, head: Head, body: bytes) -> Iterator[Parsed]:
    """Parse the beginning of a request's body."""
    event = _request(packet, head)
    return bodies.sent(bodies.media_type_of(head.fields), _login(event), _upload(event))(packet, body)


def page(packet: Packet, status: int, own: bool, body: bytes) -> Iterator[Parsed]:
    """Parse the beginning of a page. ``own``: the sender wrote it."""
    return bodies.title(_page(status, own))(packet, body)


def description(packet: Packet, own: bool, body: bytes) -> Iterator[Parsed]:
    """Parse the XML of a response. ``own``: the sender wrote it."""
    return bodies.xml_facts(_description(own))(packet, body)


def is_foreign(packet: Packet) -> bool:
    """Whether the hop limit is that of another system than Windows."""
    return packet.ttl <= FOREIGN_TTL


def _is_author(head: Head, event: HttpResponse, foreign: bool) -> bool:
    """Whether the sender wrote a response."""
    imitates = foreign and head.fields.get(b"server", b"").startswith(WINDOWS)
    return not (event.forwarded or imitates)


def _switched(event: HttpResponse) -> bool:
    """Whether the protocol changes after a response."""
    return event.status == 101 or (200 <= event.status < 300 and event.method == "CONNECT")


def _request(packet: Packet, head: Head) -> HttpRequest:
    return HttpRequest(packet, *heads.request_fields(head))


def _response(packet: Packet, head: Head, method: str, path: str, proxy: bool) -> HttpResponse:
    *values, stale, forwarded = heads.response_fields(head)
    values += method, path, proxy or forwarded, stale
    return HttpResponse(packet, *values)


def _server_facts(packet: Packet, event: HttpResponse, cookies: bytes) -> Iterator[Parsed]:
    """Facts about the server. ``cookies``: those that it sets."""
    if event.server:
        yield fact(packet, "http.server", event.server)
    if event.realm:
        yield fact(packet, "http.realm", event.realm)
    if cookies and (cookie := own_cookie(cookies)):
        yield fact(packet, "http.cookie", cookie)
    if 200 <= event.status < 300 and event.path and (path := own_path(event.path)):
        yield fact(packet, "http.path", path)


def _ntlm_parsed(packet: Packet, raw: bytes, forwarded: bool) -> list[Parsed]:
    """NTLM in credentials, and the facts about its sender."""
    message = ntlm_message(raw)
    pairs = () if message is None or forwarded else message.facts()
    return [*ntlm_events(packet, "http", message), *facts(packet, pairs)]


def _login(event: HttpRequest) -> bodies.Login:
    def derived(packet: Packet, fields: tuple[str, ...], user: str, password: bytes) -> Event:
        whole, alone = seal(user, password), password_seal(password)
        return HttpLogin(packet, event.host, event.path, fields, whole, user, alone)

    return derived


def _upload(event: HttpRequest) -> bodies.Upload:
    def derived(packet: Packet, body: bytes) -> Iterator[Event]:
        shape = shapes.body_shape(body, event.content_type, event.length)
        odd = shapes.odd_parts(body, event.content_type)
        yield HttpBody(packet, event.method, event.host, event.path, event.user_agent, event.headers, shape, odd)
        for name, content in files_in(body, event.content_type, event.path, event.method):
            yield HttpUpload(packet, event.host, event.path, name, content, event.length)
        if event.action and _igd.opens(event.action):
            requested = _igd.mapping(body)
            call = event.action.rpartition("#")[2]
            yield HttpPortMapping(
                packet,
                call,
                requested.client,
                requested.protocol,
                requested.internal_port,
                requested.external_port,
                requested.description,
            )

    return derived


def _page(status: int, own: bool) -> bodies.Page:
    """Titles of denials and errors are the same on many servers."""

    def derived(packet: Packet, title: str, program: str) -> Iterator[Parsed]:
        if program:
            yield HttpProgram(packet, program)
            return
        yield HttpPage(packet, status, title)
        if own and 200 <= status < 300:
            yield fact(packet, "http.title", title)

    return derived


def _description(own: bool) -> bodies.Described:
    def derived(packet: Packet, standard: str, pairs: tuple[tuple[str, str], ...]) -> Iterator[Parsed]:
        yield HttpDescription(packet, standard, pairs)
        if own:
            yield from facts(packet, pairs)

    return derived
