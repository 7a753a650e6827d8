#!/usr/bin/python3
"""Says on pairs of unix sockets what is not HTTP/2, before and after the file `go` is there. Prints how many sockets it used."""
import json, os, random, socket, struct, sys, time

chance = random.Random(9113)


def ttrpc(size):
    # Length of the data, stream, type, flags: the shims of containerd.
    data = (b"\x0a\x17containerd.task.v2.Task\x12\x05State\x1a" + bytes(size))[:size]
    return struct.pack(">IIBB", len(data), 2 * size + 1, 1 + size % 2, 0) + data


def nri(size):
    return struct.pack(">II", 1 + size % 2, size) + bytes(size)


def attached(size):
    # A stream of `docker attach`.
    return struct.pack(">BxxxI", size % 3, size) + bytes(size)


says = [
    ttrpc,
    nri,
    attached,
    lambda size: struct.pack(">I", size) + bytes(size),
    lambda size: struct.pack(">Q", size) + bytes(size),
    lambda size: struct.pack("<I", size) + chance.randbytes(size),
    lambda size: chance.randbytes(size + 1),
    lambda size: bytes(size + 1),
    lambda size: b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (size, b"k" * size),
    lambda size: json.dumps({"id": size, "method": "x" * size}).encode() + b"\n",
    # Messages of HTTP/2 without their heads: nothing shows whose they are.
    lambda size: struct.pack(">I", size)[1:] + b"\x00\x01" + struct.pack(">I", 7) + bytes(size),
]
pairs = [socket.socketpair() for _ in says]


def speak(sizes):
    for size in sizes:
        for say, (one, other) in zip(says, pairs):
            for sender, receiver in (one, other), (other, one):
                said = say(size)
                sender.sendall(said)
                left = len(said)
                while left:
                    left -= len(receiver.recv(65536))


speak(range(20))
print("ready", flush=True)
while not os.path.exists(os.path.join(sys.argv[1], "go")):
    time.sleep(0.01)
speak(list(range(300)) + [0x100, 0x101, 0x408, 0x409, 0x508, 4096, 16384, 16393, 40000])
for one, other in pairs:
    one.close()
    other.close()
print(2 * len(pairs))
