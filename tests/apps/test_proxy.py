"""The apps through belay-netsim proxy: what a terrible link does to both protocols."""

import unittest

import harness
from harness import NETSIM, Case

LINK = "delay 20ms 5ms loss 20% duplicate 5% reorder 25% corrupt 1%"
COUNT = 300


@unittest.skipUnless(NETSIM, "belay-netsim is not built")
class Proxy(Case):
    def start_proxy(self, server, link=LINK):
        proxy = self.start(NETSIM, "proxy", "--listen", "127.0.0.1:0", "--to",
                           f"127.0.0.1:{server.port}", "--link", link, "--seed", "7")
        return int(proxy.expect(r"^listening on .*:(\d+)").group(1))

    def run_through(self, *options, plain=False, code=0):
        protocol = ["--plain"] if plain else []
        server = self.start_server("--quiet", *protocol)
        port = self.start_proxy(server)
        return self.run_json(*protocol, "--count", str(COUNT), "--size", "300", "--interval", "1",
                             *options, f"127.0.0.1:{port}", code=code)

    def test_belay_returns_every_one_once_in_order(self):
        summary = self.run_through()
        self.check_complete(summary, COUNT)
        self.assertGreater(summary["retransmitted"], 0)
        self.assertGreater(summary["packets_lost"], summary["packets_spurious"])

    def test_belay_as_fast_as_it_goes(self):
        self.check_complete(self.run_through("--interval", "0"), COUNT)

    def test_belay_on_channels(self):
        self.check_complete(self.run_through("--channels", "7"), COUNT)

    def test_belay_unordered(self):
        summary = self.run_through("--unordered")
        self.assertEqual([summary[key] for key in ("received", "duplicates", "corrupted")],
                         [COUNT, 0, 0])

    def test_belay_outlives_a_nat_that_forgets(self):
        server = self.start_server()
        port = self.start_proxy(server, "delay 5ms | x-rebind 200ms repeat")
        summary = self.run_json("--count", "200", "--interval", "5", f"127.0.0.1:{port}")
        self.check_complete(summary, 200)
        before, after = server.expect(r"^(\S+) moved to (\S+)$").groups()
        self.assertNotEqual(before, after)
        self.assertEqual(before.split(":")[0], after.split(":")[0])

    def test_plain_loses(self):
        # The chance that 300 datagrams pass a link of 20 % loss whole is 0.8 ** 300 < 1e-29.
        summary = self.run_through("--timeout", "2", plain=True, code=1)
        self.assertGreater(summary["lost"], 0, summary)
        self.assertGreater(summary["out_of_order"], 0)


if __name__ == "__main__":
    harness.main()
