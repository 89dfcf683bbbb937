"""Two slixmpp clients sign in, subscribe, see each other and chat; one is cut off and resumes (XEP-0198); prints one JSON line,
exits 0 when all of it happened.

Arguments: host, port, "starttls" or "tls", then JID and password of each client.
"""
import asyncio
import json
import ssl
import sys

import slixmpp


class Device(slixmpp.ClientXMPP):
    def __init__(self, jid, password):
        super().__init__(jid, password)
        self.ssl_context.check_hostname = False
        self.ssl_context.verify_mode = ssl.CERT_NONE
        self.heard = asyncio.Queue()
        self.seen = asyncio.Queue()
        self.started = asyncio.Event()
        self.resumed = asyncio.Event()
        self.failure = None
        self.register_plugin("xep_0198")
        self.add_event_handler("session_resumed", lambda _event: self.resumed.set())
        self.add_event_handler("session_start", self.on_start)
        self.add_event_handler("message", lambda message: self.heard.put_nowait(message))
        self.add_event_handler("presence_available", lambda presence: self.seen.put_nowait(presence))
        self.add_event_handler("failed_all_auth", self.on_failure)

    async def on_start(self, _event):
        await self.get_roster()
        self.send_presence()
        self.started.set()

    def on_failure(self, event):
        self.failure = str(event)
        self.started.set()


async def until_seen(device, bare):
    while True:
        presence = await device.seen.get()
        if presence["from"].bare == bare:
            return presence["from"].full


async def story(host, port, mode, accounts):
    devices = []
    for jid, password in accounts:
        device = Device(jid, password)
        device.enable_direct_tls = mode == "tls"
        device.enable_starttls = mode == "starttls"
        device.enable_plaintext = False
        device.connect(host, port)
        devices.append(device)
    for device in devices:
        await device.started.wait()
        if device.failure:
            raise RuntimeError(device.failure)
    one, other = devices
    # slixmpp approves a subscription and asks back by itself.
    one.send_presence_subscription(pto=other.boundjid.bare, ptype="subscribe")
    seen = [await until_seen(one, other.boundjid.bare), await until_seen(other, one.boundjid.bare)]
    bodies = []
    for number in range(20):
        one.send_message(mto=other.boundjid.bare, mbody="line %d" % number, mtype="chat")
    for _ in range(20):
        message = await other.heard.get()
        bodies.append(message["body"])
    other.send_message(mto=one.boundjid.full, mbody="heard", mtype="chat")
    answer = await one.heard.get()
    gone = asyncio.Event()
    other.add_event_handler("disconnected", lambda _event: gone.set())
    other.transport.abort()
    await gone.wait()
    for number in range(10):
        one.send_message(mto=other.boundjid.bare, mbody="missed %d" % number, mtype="chat")
    other.connect(host, port)
    await other.resumed.wait()
    one.send_message(mto=other.boundjid.full, mbody="the last", mtype="chat")
    missed = [(await other.heard.get())["body"] for _ in range(11)]
    print(json.dumps({
        "tls": one.transport.get_extra_info("ssl_object").version(),
        "jids": [device.boundjid.full for device in devices],
        "seen": seen,
        "bodies": bodies,
        "answer": [answer["body"], answer["from"].full],
        "missed": missed,
    }))
    for device in devices:
        await device.disconnect()


host, port, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
accounts = [(sys.argv[4], sys.argv[5]), (sys.argv[6], sys.argv[7])]
asyncio.run(asyncio.wait_for(story(host, port, mode, accounts), 90))
