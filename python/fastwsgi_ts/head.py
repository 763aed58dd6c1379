"""The head of a response: what an application may send is checked here, by the rules of src/protocol/response-head.ts."""
import re
from http import HTTPStatus

REASONS = {int(status): status.phrase for status in HTTPStatus}
HEAD_BYTES_MAX = 61440
KNOWN_MAX = 1024

OTHER = 0
CONTENT_LENGTH = 1
TRANSFER_ENCODING = 2

_name = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z").match
# Field values are latin-1 without control characters, the tab excepted (RFC 9110 section 5.5).
_value = re.compile('[\t\x20-\x7e\x80-\xff]*\\Z').match
_length = re.compile(r'[ \t]*([0-9]+)[ \t]*\Z').match

_kinds = {}
_statuses = {}


class Head:
    """A checked status and headers. Raises TypeError or ValueError on what cannot be sent."""

    __slots__ = ('code', 'status', 'headers', 'length', 'bodiless')

    def __init__(self, status, headers):
        known = _statuses.get(status)
        if known is None:
            known = _check_status(status)
        self.code, self.status = known
        #: Bytes that Content-Length names, or -1.
        self.length = -1
        self.bodiless = self.code in (204, 205, 304)
        if not isinstance(headers, list):
            raise TypeError('The headers must be a list, not %s' % type(headers).__name__)
        for name, value in headers:
            kind = _kinds.get(name)
            if kind is None:
                kind = _check_name(name)
            if not (isinstance(value, str) and value.isascii() and value.isprintable()):
                _check_value(name, value)
            if kind == CONTENT_LENGTH:
                if self.length >= 0:
                    raise ValueError('Content-Length is there twice')
                match = _length(value)
                if match is None:
                    raise ValueError('Invalid Content-Length %r' % value)
                self.length = int(match.group(1))
        if self.code == 205:
            # It has no content and says so (RFC 9110 section 15.3.6).
            headers = [h for h in headers if _kinds.get(h[0]) not in (CONTENT_LENGTH, TRANSFER_ENCODING)]
            headers.append(('Content-Length', '0'))
        self.headers = headers

    def bytes(self, protocol):
        """The head as it is sent to a web server: blank line included."""
        lines = ['%s %s' % (protocol, self.status)]
        for header in self.headers:
            lines.append(header[0] + ': ' + header[1])
        lines.append('\r\n')
        return _bounded('\r\n'.join(lines).encode('latin-1'))

    def lines(self):
        """Status, names and values, a line each."""
        lines = [self.status]
        for header in self.headers:
            lines += header
        return _bounded('\n'.join(lines).encode('latin-1'))


def _bounded(head):
    if len(head) > HEAD_BYTES_MAX:
        raise ValueError('The response head is larger than %d bytes' % HEAD_BYTES_MAX)
    return head


def _check_status(status):
    if not isinstance(status, str):
        raise TypeError('The status must be a string, not %s' % type(status).__name__)
    digits = status[:3]
    if not (len(digits) == 3 and digits.isascii() and digits.isdigit() and digits[0] != '0'
            and status[3:4] in ('', ' ') and _value(status)):
        raise ValueError('Invalid status %r: three digits, then a space and a reason, are expected' % status)
    code = int(digits)
    if code < 200:
        # The client would take it for an interim one, and wait on.
        raise ValueError('Invalid status %r: a response has a final one' % status)
    known = (code, status if len(status) > 4 else '%d %s' % (code, REASONS.get(code, 'Unknown')))
    if len(_statuses) < KNOWN_MAX:
        _statuses[status] = known
    return known


def _check_name(name):
    if not isinstance(name, str) or _name(name) is None:
        raise ValueError('Invalid header name %r' % (name,))
    lower = name.lower()
    kind = CONTENT_LENGTH if lower == 'content-length' else TRANSFER_ENCODING if lower == 'transfer-encoding' else OTHER
    if len(_kinds) < KNOWN_MAX:
        _kinds[name] = kind
    return kind


def _check_value(name, value):
    if not isinstance(value, str):
        raise TypeError('Header %s must be a string, not %s' % (name, type(value).__name__))
    if _value(value) is None:
        raise ValueError('Header %s holds a character that cannot be sent: %r' % (name, value))
