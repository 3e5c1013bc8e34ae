#include "netsim/run/profiles.h"

#include <string.h>

/* quic-interop-runner's bottleneck: simple-p2p --delay=15ms --bandwidth=10Mbps
 * --queue=25. */
#define BOTTLENECK "rate 10mbit limit 25"

#define RUNNER                                                                                 \
    "QUIC Interop Runner, testcases_quic.py, "                                                 \
    "https://github.com/quic-interop/quic-interop-runner (commit 21545625). "
#define WEBPAGETEST                                                                            \
    "WebPageTest, www/settings/connectivity.ini.sample, "                                      \
    "https://github.com/WPO-Foundation/webpagetest (commit a7cf6a77). "
#define HALVES " Half of the round trip each way; no queue is given, so 1000 packets."
#define QCI                                                                                    \
    "3GPP TS 23.203, Policy and charging control architecture, table 6.1.7 (read at "          \
    "https://tech-invite.com/3m23/toc/tinv-3gpp-23-203_f.html). "
#define BOUND " These are bounds that a network plans for, not what it does on most days."

static const struct netsim_profile profiles[] = {
    {"quic-interop", "the bottleneck of the QUIC Interop Runner: 10 Mbit/s, 30 ms, 25 packets",
     BOTTLENECK " | delay 15ms", BOTTLENECK " | delay 15ms",
     RUNNER "--delay=15ms (one way) --bandwidth=10Mbps --queue=25 (packets)."},
    {"quic-longrtt", "the same with a round trip of 1.5 s", BOTTLENECK " | delay 750ms",
     BOTTLENECK " | delay 750ms",
     RUNNER "Test longrtt: simple-p2p --delay=750ms --bandwidth=10Mbps --queue=25."},
    {"quic-loss", "the same with 2 % lost each way", "loss 2% " BOTTLENECK " | delay 15ms",
     "loss 2% " BOTTLENECK " | delay 15ms",
     RUNNER "Test transferloss: drop-rate --delay=15ms --bandwidth=10Mbps --queue=25 "
            "--rate_to_server=2 --rate_to_client=2, at most 3 in a row; netem has no "
            "such bound, but "
            "4 in a row come once in 6 million packets."},
    {"quic-handshakeloss", "the same with 30 % lost each way",
     "loss 30% " BOTTLENECK " | delay 15ms", "loss 30% " BOTTLENECK " | delay 15ms",
     RUNNER "Test handshakeloss: drop-rate --delay=15ms --bandwidth=10Mbps --queue=25 "
            "--rate_to_server=30 --rate_to_client=30, at most 3 in a row; netem has "
            "no such bound."},
    {"quic-blackhole", "the same, and nothing passes from 5 s to 7 s",
     "x-blackout 5s 2s " BOTTLENECK " | delay 15ms",
     "x-blackout 5s 2s " BOTTLENECK " | delay 15ms",
     RUNNER "Test blackhole: blackhole --delay=15ms --bandwidth=10Mbps "
            "--queue=25 --on=5s "
            "--off=2s, once."},
    {"quic-blackhole-10s", "the same, and nothing passes for 2 s after every 10 s",
     "x-blackout 10s 2s repeat " BOTTLENECK " | delay 15ms",
     "x-blackout 10s 2s repeat " BOTTLENECK " | delay 15ms",
     "QUIC Network Simulator, sim/scenarios/blackhole/README.md, "
     "https://github.com/quic-interop/quic-network-simulator (commit "
     "5ae9131a). The example: "
     "blackhole --delay=15ms --bandwidth=10Mbps --queue=25 --on=10s --off=2s; "
     "there it happens "
     "once unless --repeat says how often, here on and on."},
    {"quic-amplification", "the same, and the client's packets 2 to 7 are lost",
     "x-drop 1-6 " BOTTLENECK " | delay 15ms", BOTTLENECK " | delay 15ms",
     RUNNER "Test amplificationlimit: droplist --delay=15ms --bandwidth=10Mbps "
            "--queue=25 "
            "--drops_to_server=2,3,4,5,6,7, counted from 1."},

    {"slow-4g", "Lighthouse's default: 150 ms, 1.6 Mbit/s down, 750 kbit/s up",
     "rate 750kbit | delay 75ms", "rate 1600kbit | delay 75ms",
     "Lighthouse, docs/throttling.md, "
     "https://github.com/GoogleChrome/lighthouse (v7.4.0). "
     "Latency 150 ms, 1.6 Mbps down, 750 Kbps up, packet loss none; \"roughly "
     "the bottom 25% of "
     "4G connections and top 25% of 3G connections\"." HALVES},
    {"3g", "WebPageTest's 3G: 300 ms, 1.6 Mbit/s down, 768 kbit/s up",
     "rate 768kbit | delay 150ms", "rate 1600kbit | delay 150ms",
     WEBPAGETEST "3G (1.6 Mbps/768 Kbps 300ms RTT), no loss." HALVES},
    {"3g-fast", "WebPageTest's fast 3G: 150 ms, 1.6 Mbit/s down, 768 kbit/s up",
     "rate 768kbit | delay 75ms", "rate 1600kbit | delay 75ms",
     WEBPAGETEST "3G Fast (1.6 Mbps/768 Kbps 150ms RTT), no loss." HALVES},
    {"3g-slow", "WebPageTest's slow 3G: 400 ms, 400 kbit/s", "rate 400kbit | delay 200ms",
     "rate 400kbit | delay 200ms",
     WEBPAGETEST "3G Slow (400 Kbps, 400ms RTT), no loss." HALVES},
    {"4g", "WebPageTest's 4G: 170 ms, 9 Mbit/s", "rate 9mbit | delay 85ms",
     "rate 9mbit | delay 85ms", WEBPAGETEST "4G (9 Mbps, 170ms RTT)." HALVES},
    {"lte", "WebPageTest's LTE: 70 ms, 12 Mbit/s", "rate 12mbit | delay 35ms",
     "rate 12mbit | delay 35ms", WEBPAGETEST "LTE (12 Mbps, 70ms RTT), no loss." HALVES},
    {"edge", "WebPageTest's mobile EDGE: 840 ms, 240 kbit/s down, 200 kbit/s up",
     "rate 200kbit | delay 420ms", "rate 240kbit | delay 420ms",
     WEBPAGETEST "Mobile Edge (240 Kbps/200 Kbps 840ms RTT), no loss." HALVES},
    {"cable", "WebPageTest's cable: 28 ms, 5 Mbit/s down, 1 Mbit/s up",
     "rate 1mbit | delay 14ms", "rate 5mbit | delay 14ms",
     WEBPAGETEST "Cable (5/1 Mbps 28ms RTT), no loss." HALVES},
    {"dsl", "WebPageTest's DSL: 50 ms, 1.5 Mbit/s down, 384 kbit/s up",
     "rate 384kbit | delay 25ms", "rate 1500kbit | delay 25ms",
     WEBPAGETEST "DSL (1.5 Mbps/384 Kbps 50ms RTT), no loss." HALVES},

    {"geo", "a geostationary satellite: 600 ms", "delay 300ms", "delay 300ms",
     "Testing LEO and GEO satellite services in Australia, APNIC "
     "blog, 2022-05-02, "
     "https://blog.apnic.net/2022/05/02/"
     "testing-leo-and-geo-satellite-services-in-australia/. "
     "\"RTT measurements of around 600ms\". Half of it each way; no rate is "
     "taken from there."},
    {"geo-least", "a geostationary satellite at its best: 477 ms", "delay 238.5ms",
     "delay 238.5ms",
     "Testing LEO and GEO satellite services in Australia, APNIC "
     "blog, 2022-05-02, "
     "https://blog.apnic.net/2022/05/02/"
     "testing-leo-and-geo-satellite-services-in-australia/. "
     "The hop alone adds \"at least 477ms\" to a round trip. Half of it each "
     "way."},
    {"starlink", "Starlink in Belgium in 2022, the median: 50 ms", "delay 25ms", "delay 25ms",
     "Fact checking Starlink's performance figures (UCLouvain and others), "
     "APNIC blog, "
     "2022-11-28, "
     "https://blog.apnic.net/2022/11/28/"
     "fact-checking-starlinks-performance-figures. Round "
     "trips to servers in Europe: quarter 40 ms, median 50 ms, three quarters "
     "60 ms. That spread "
     "is over servers and time, so no jitter is made of it; half of the median "
     "each way."},

    {"qci-1", "LTE's bound for voice: 100 ms, 1 % lost", "delay 100ms loss 1%",
     "delay 100ms loss 1%",
     QCI "QCI 1, conversational voice: packet delay budget 100 ms, packet "
         "error loss rate "
         "10^-2." BOUND},
    {"qci-3", "LTE's bound for games: 50 ms, 0.1 % lost", "delay 50ms loss 0.1%",
     "delay 50ms loss 0.1%",
     QCI "QCI 3, real time gaming: packet delay budget 50 ms, packet error "
         "loss rate 10^-3." BOUND},
    {"qci-7", "LTE's bound for live video and games at best effort: 100 ms, 0.1 % lost",
     "delay 100ms loss 0.1%", "delay 100ms loss 0.1%",
     QCI "QCI 7, voice, live video, interactive gaming: packet delay budget "
         "100 ms, packet error "
         "loss rate 10^-3." BOUND},
    {"qci-9", "LTE's bound for all other traffic: 300 ms, one in a million lost",
     "delay 300ms loss 0.0001%", "delay 300ms loss 0.0001%",
     QCI "QCI 8 and 9, TCP-based: packet delay budget 300 ms, packet error "
         "loss rate 10^-6." BOUND},
};

#define PROFILES (sizeof(profiles) / sizeof(profiles[0]))

const struct netsim_profile *netsim_profile_find(const char *name)
{
    for (size_t i = 0; i < PROFILES; i++)
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    return NULL;
}

const struct netsim_profile *netsim_profile_at(size_t i)
{
    return i < PROFILES ? &profiles[i] : NULL;
}
