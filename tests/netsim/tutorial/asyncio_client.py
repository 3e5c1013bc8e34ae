"""Sends a message to the echo server until it comes back, with asyncio."""

import asyncio


class EchoClient(asyncio.DatagramProtocol):
    def __init__(self, message, answered):
        self.message = message
        self.answered = answered

    def connection_made(self, transport):
        self.transport = transport
        self.send()

    def send(self):
        if not self.answered.done():
            self.transport.sendto(self.message.encode())
            asyncio.get_running_loop().call_later(0.2, self.send)

    def datagram_received(self, data, addr):
        if not self.answered.done():
            self.answered.set_result(data.decode())


async def main():
    loop = asyncio.get_running_loop()
    answered = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: EchoClient("hello", answered), remote_addr=("127.0.0.1", 9999))
    try:
        print("received:", await asyncio.wait_for(answered, 20))
    finally:
        transport.close()


asyncio.run(main())
