#!/usr/bin/python3
"""A consumer of a Redis queue, as redis-py is used for one. What it does it writes down, a line each: see `work.rs`.

Arguments: URL of the server, queue, file to write to, how it takes items, its shape, how many at a time (or, of a storm, the seed).
An item is `NUMBER HOW SECONDS`, and anything after that.
"""
import os, random, signal, socket, sys, threading, time
from concurrent.futures import ThreadPoolExecutor

import redis

url, queue, log, take, shape, count = sys.argv[1:6] + [int(sys.argv[6])]
written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(word, *more):
    line = " ".join(map(str, (word, os.getpid(), threading.get_native_id(), time.monotonic_ns(), *more)))
    # One write a line: those of several processes do not mix.
    os.write(written, line.encode() + b"\n")


def noted(send):
    def sent(connection, *arguments, **options):
        send(connection, *arguments, **options)
        note("sent")

    return sent


redis.connection.Connection.send_packed_command = noted(redis.connection.Connection.send_packed_command)


class Trouble(Exception):
    pass


class Raw:
    """A client that speaks RESP3, which redis-py 4 does not. The server pushes to it what becomes of a key that it has read."""

    def __init__(self):
        host, port = url.removeprefix("redis://").split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.file = self.socket.makefile("rb")
        assert self.ask("HELLO", "3")[b"proto"] == 3
        self.ask("CLIENT", "TRACKING", "ON")

    def ask(self, *words):
        command = b"*%d\r\n" % len(words)
        for word in words:
            command += b"$%d\r\n%s\r\n" % (len(word), word.encode())
        self.socket.sendall(command)
        note("sent")
        return self.reply()

    def reply(self):
        kind, rest = (line := self.file.readline())[:1], line[1:-2]
        if kind in b"*~>":
            elements = [self.reply() for _ in range(int(rest))]
            return elements if kind in b"*~" else self.reply()
        if kind == b"%":
            return {self.reply(): self.reply() for _ in range(int(rest))}
        if kind == b"$":
            return self.file.read(int(rest) + 2)[:-2]
        return {b"_": lambda _: None, b":": int, b"+": bytes}[kind](rest)

    def blpop(self, queues, seconds):
        self.ask("GET", "watched")
        return self.ask("BLPOP", *queues, str(seconds))


def taken(client):
    """The next item. A server that is not there is asked again, and so is one that has nothing."""
    while True:
        note("asked")
        try:
            if take == "blmove":
                got = client.blmove(queue, queue + ":taken", 0)
            elif take in ("patient", "resp3"):
                got = client.blpop([queue, queue + ":other"], 0.05)
            else:
                got = getattr(client, take)(queue, 0)
        except redis.exceptions.ConnectionError:
            time.sleep(0.02)
            continue
        if got is not None:
            return (got if take == "blmove" else got[1]).decode()


def handle(how, seconds):
    if how == "return":
        return
    time.sleep(float(seconds))
    if how in ("caught", "failed", "raise"):
        raise Trouble
    if how == "exit":
        os._exit(3)
    if how == "self":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "held":
        signal.pause()
    while how == "gate" and not os.path.exists(log + ".go"):
        time.sleep(0.01)


def consume(client):
    while True:
        text = taken(client)
        number, how, seconds = text.split()[:3]
        note("begin", number, how)
        try:
            handle(how, seconds)
        except Trouble:
            if how == "raise":
                raise
            if how == "failed":
                client.rpush(queue + ":failed", number)
        finally:
            note("end", number)
        if how == "stop":
            return


def thread(client):
    consume(client)


def threads(client):
    started = [threading.Thread(target=thread, args=(client,)) for _ in range(count)]
    for one in started:
        one.start()
    for one in started:
        one.join()
        # Python has let go of it, and the kernel a moment later.
        while os.path.exists(f"/proc/self/task/{one.native_id}"):
            time.sleep(0.001)
        note("gone", one.native_id, "thread")


def begin_worker():
    child = os.fork()
    if child:
        return child
    try:
        consume(redis.Redis.from_url(url))
    except BaseException:
        os._exit(1)
    os._exit(0)


def reap():
    child, status = os.waitpid(-1, 0)
    note("gone", child, os.waitstatus_to_exitcode(status))
    return child


def forked():
    for _ in range(count):
        begin_worker()
    for _ in range(count):
        reap()


def acknowledge(client, text):
    number, how, seconds = text.split()[:3]
    try:
        handle(how, seconds)
    except Trouble:
        pass
    if how == "lost":
        return
    note("end", number)
    if take == "blmove":
        client.lrem(queue + ":taken", 1, text)
    else:
        # In one write with others, as a pipeline.
        with client.pipeline(transaction=True) as pipeline:
            pipeline.hincrby(queue + ":done", how, 1)
            pipeline.incr(queue + ":number")
            pipeline.execute()


def pool(client):
    with ThreadPoolExecutor(count) as executor:
        while True:
            text = taken(client)
            number, how = text.split()[:2]
            note("begin", number, how)
            executor.submit(acknowledge, client, text)
            if how == "stop":
                return


RUNS, AT_ONCE = 1000, 8
# What ends a process comes as often as what does not.
WAYS = ["done", "done", "done", "return", "caught", "stop", "exit", "self", "raise"]


def storm(client):
    """Many short lives, each with some items and one of the ways to end, or a death from outside at any moment."""
    chance = random.Random(count)
    running, begun, number = [], 0, 0
    while begun < RUNS or running:
        while len(running) < AT_ONCE and begun < RUNS:
            running.append(begin_worker())
            begun += 1
        items = []
        # Now and then more than they can take at once, and now and then none.
        for _ in range(chance.choice([0, 1, 4, 16])):
            number += 1
            items.append(f"{number} {chance.choice(WAYS)} {chance.random() * 0.01}")
        if items and client.llen(queue) < 4 * AT_ONCE:
            client.rpush(queue, *items)
            note("pushed", len(items))
        if chance.random() < 0.2 and running:
            time.sleep(chance.random() * 0.01)
            victim = chance.choice(running)
            note("kill", victim)
            os.kill(victim, signal.SIGKILL)
        time.sleep(0.002)
        while True:
            child, status = os.waitpid(-1, os.WNOHANG) if running else (0, 0)
            if not child:
                break
            note("gone", child, os.waitstatus_to_exitcode(status))
            running.remove(child)


client = Raw() if take == "resp3" else redis.Redis.from_url(url)
if shape == "serial":
    consume(client)
elif shape == "threads":
    threads(client)
elif shape == "forked":
    forked()
elif shape == "pool":
    pool(client)
elif shape == "storm":
    storm(client)
