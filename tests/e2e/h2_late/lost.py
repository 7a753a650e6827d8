#!/usr/bin/python3
"""A client of HTTP/2 (RFC 9113) on a unix socket, one of whose requests leaves by sendfile: no buffer of its shows it."""
import os, socket, struct, sys, tempfile

DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def request(stream, path):
    # GET and http by their places in the static table, path and authority as literals that are not kept (RFC 7541, 6.2.2).
    fields = b"\x82\x86\x04" + bytes([len(path)]) + path.encode() + b"\x01\x09localhost"
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, fields)


def answered(stream):
    while True:
        head = answers.read(9)
        kind, flags, of = head[3], head[4], struct.unpack(">I", head[5:])[0]
        answers.read(int.from_bytes(head[:3], "big"))
        if of == stream and kind in (DATA, HEADERS) and flags & END_STREAM:
            return


connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
answers = connection.makefile("rb")
connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0))
for number, path in enumerate(sys.argv[2:]):
    asks = request(2 * number + 1, path)
    if number == 3:
        with tempfile.TemporaryFile() as file:
            file.write(asks)
            file.flush()
            assert os.sendfile(connection.fileno(), file.fileno(), 0, len(asks)) == len(asks)
    else:
        connection.sendall(asks)
    answered(2 * number + 1)
