#!/usr/bin/python3
"""What the socket tests' clients share; each test appends what makes it particular.

Arguments: host, port, a directory to meet the test in, then paths to ask for.
"""
import os, socket, sys, time

host, port, meeting, paths = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]


def dial():
    return socket.create_connection((host, port))


def head(path):
    return f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()


def ask(connection, path):
    connection.sendall(head(path))


def answer(connection):
    got = b""
    while b"\r\n\r\n" not in got:
        got += more(connection)
    fields, body = got.split(b"\r\n\r\n", 1)
    length = next(int(f.split(b":")[1]) for f in fields.split(b"\r\n") if f.lower().startswith(b"content-length"))
    while len(body) < length:
        body += more(connection)


def more(connection):
    piece = connection.recv(65536)
    if not piece:
        sys.exit("the server closed the connection")
    return piece


def meet(name):
    """Tells the test that this point is reached, and waits until the test says so too."""
    open(os.path.join(meeting, name), "w").close()
    while not os.path.exists(os.path.join(meeting, name + ".go")):
        time.sleep(0.01)


def wait_for(child):
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        sys.exit(status)

