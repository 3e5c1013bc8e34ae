"""A UDP echo server with asyncio, as in a tutorial."""

import asyncio


class EchoServer(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def main():
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        EchoServer, local_addr=("127.0.0.1", 9999))
    try:
        await asyncio.Event().wait()
    finally:
        transport.close()


asyncio.run(main())
