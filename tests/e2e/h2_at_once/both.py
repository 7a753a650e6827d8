#!/usr/bin/python3
"""Both ends of connections over HTTP/2 (RFC 9113), on which the server speaks first, as it may: the client reads that on one
CPU while it says its own first words on another. Then one request is answered. Prints how many were.

Arguments: a family of sockets (`unix`, `tcp`), a number of connections."""
import os, random, socket, struct, sys, threading, time

HEADERS, SETTINGS = 1, 4
END_STREAM, END_HEADERS = 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# The client's first words leave so long after the server's, at most: what waking the reader takes, and somewhat more.
SPREAD = 30e-6

chance = random.Random(7540)
cpus = sorted(os.sched_getaffinity(0))


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def request(number):
    # GET and http by their places in the static table, path and authority as literals that are not kept (RFC 7541, 6.2.2).
    path = b"/v2/a/b/blobs/sha256:%064x" % number
    fields = b"\x82\x86\x04" + bytes([len(path)]) + path + b"\x01\x09localhost"
    return frame(HEADERS, END_STREAM | END_HEADERS, 1, fields)


def connections(family):
    if family == "unix":
        while True:
            yield socket.socketpair()
    listener = socket.create_server(("127.0.0.1", 0))
    while True:
        client = socket.create_connection(listener.getsockname())
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client, listener.accept()[0]


def reads(asked, answered):
    os.sched_setaffinity(0, {cpus[-1]})
    while True:
        asked.acquire()
        if client is None:
            return
        client.recv(65536)
        answered.release()


client = None
asked, answered = threading.Semaphore(0), threading.Semaphore(0)
reader = threading.Thread(target=reads, args=(asked, answered))
reader.start()
os.sched_setaffinity(0, {cpus[0]})
pairs = connections(sys.argv[1])
done = 0
for number in range(int(sys.argv[2])):
    client, server = next(pairs)
    asked.release()
    # Until the reader waits for bytes.
    time.sleep(100e-6)
    after = time.perf_counter() + chance.random() * SPREAD
    server.sendall(frame(SETTINGS, 0, 0))
    while time.perf_counter() < after:
        pass
    client.sendall(PREFACE)
    answered.acquire()
    client.sendall(frame(SETTINGS, 0, 0) + request(number))
    server.recv(65536)
    # :status 200, by its place in the static table.
    server.sendall(frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x88"))
    done += client.recv(65536).endswith(b"\x88")
    client.close()
    server.close()
client = None
asked.release()
reader.join()
print(done)
