"""A TCP echo server with asyncio, as in a tutorial."""

import asyncio


async def echo(reader, writer):
    while data := await reader.read(1000):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(echo, "localhost", 8888)
    async with server:
        await server.serve_forever()


asyncio.run(main())
