/*
 * ops.h - the programs that inbox, peer and core run. An input is one byte of setup, then
 * operations: a byte each, its low bits what is done and its high bits how, and what they say
 * that follows. What is missing at the end is zero.
 */
#ifndef BELAY_TESTS_FUZZ_OPS_H
#define BELAY_TESTS_FUZZ_OPS_H

/*
 * inbox.c. Setup: bits 0 to 2 the first number, 8: u8, the call for memory that fails.
 *
 *     where   u8: channel (2 bits), mode (1 bit; with 0x80: 2 bits)
 *     number  i8: from the lowest that is not complete
 *     size    u8: eights of bytes below 128, 1200s above
 */
enum fuzz_inbox_op {
    OP_MESSAGE,             /* where, number, size */
    OP_PART,                /* where, number, size, u16 offset, u16 length */
    OP_PART_WITHIN,         /* the same, made to lie in its message */
    OP_POP,                 /* high bits: how many */
    OP_CREDIT,              /* 8: asked for */
    OP_WANT,                /* where */
    OP_TUNE,                /* u8: ms passed; high bits: round trip, ms */
    OP_ARRIVAL_POPS = 0x08, /* before its packet is gone */
    OP_ARRIVAL_ENDS = 0x10,
};

/*
 * peer.c. Setup: enum fuzz_peer_setup. Two cores are connected; whoever wrote the input has the
 * keys. `who` is bit 4: 0 the client, 1 the server.
 *
 *     number  u8: of packets, counted from the newest that this side sent, or forged
 */
enum fuzz_peer_setup {
    SETUP_INSECURE = 1,
    SETUP_CHACHA = 2,
    SETUP_UPDATES = 4, /* keys change after a few packets */
    SETUP_WRAPS = 8,   /* numbers begin where 32 bits end */
    SETUP_SHARED = 16, /* the client has a connection ID */
    SETUP_SERVER_KEY = 32,
    SETUP_NO_IDLE = 64,
    SETUP_NO_MEMORY = 128, /* u16: of the server's calls for memory, the one that fails */
};

enum fuzz_peer_op {
    OP_FORGE,      /* who, 0x20: number, 0x40: u8 phases on, 0x80: u8 times; u8 length, frames:
                      a packet sealed by who arrives at the other; message bytes are made such
                      as its app would send */
    OP_FORGE_LONG, /* the same, with u16 length */
    OP_SEND,       /* who; where, u16 length: who's app sends */
    OP_EXCHANGE,   /* all on the way arrives, and what that makes, for no time */
    OP_STEP,       /* high bits: so many deadlines and one pass; 0x80: what is sent arrives */
    OP_SLEEP,      /* high bits: 2^n ms */
    OP_LOSE,       /* all on the way */
    OP_REPEAT,     /* u8 which on the way: arrives and stays there */
    OP_FLIP,       /* u8 which, u16 bit: arrives with this bit flipped, and stays */
    OP_APP,        /* who, bits 5 to 7: enum fuzz_app */
    OP_COLLECT,    /* who: sends what it has, and it is on the way */
    OP_RAW,        /* who, u8 length, bytes: arrives at the other as it is */
    OP_MOVE,       /* who, bits 5 and 6: shift of its places (places.h); 0x80: strict */
    OP_MIGRATE, /* who, u8: bits 0 and 1 the socket, 2 and 3 the other's place: its app moves */
    OP_TAKE_ID, /* who, u8: what is forged for who goes to this ID of the other's */
    OP_PEER_END
};

enum fuzz_app {
    APP_CLOSE,
    APP_ABORT,
    APP_PAUSE,
    APP_RESUME,
    APP_WATERMARKS,
    APP_FREE,
    APP_UNREACHABLE,
    APP_RESET, /* a RESET of the server's arrives, with its token */
};

/*
 * core.c. Setup: enum fuzz_core_setup. One core among a few addresses; nobody but the
 * core has keys, but handshakes are made for the input: it chooses their parts.
 *
 *     who     u8: the address
 *     dial    u8: which of the INITs that the core has sent is meant, or answered
 */
enum fuzz_core_setup {
    CORE_INSECURE = 1,
    CORE_PSK = 2,
    CORE_AUTHORIZE = 4,
    CORE_LISTENS = 8,
    CORE_SERVER_KEY = 16, /* dials expect the key of whoever answers for the input */
    CORE_OWN_KEY = 32,
    CORE_COOKIES = 64,    /* asked for always */
    CORE_NO_MEMORY = 128, /* u16: the call for memory that fails */
};

enum fuzz_core_op {
    OP_DATAGRAM, /* who, u8 length, bytes; 0x10: segment size, u8, as UDP_GRO gives it */
    OP_HELLO, /* who, dial, u8 length, bytes: a hello whose tag is made right; 0x10: echoing the
                 dial's connection ID and nonce */
    OP_CLIENT, /* who, u8 kind, u8 seed, u8 length, parameters: a client's INIT; high bits: 0x10
                  another secret, 0x20 another server's key, 0x40 with a connection ID, 0x80
                  with the cookie of the last RETRY */
    OP_SERVER, /* dial, u8 length, parameters: the ACCEPT of this INIT; 0x10, 0x20: as above */
    OP_DIAL,   /* who; 0x10: shared */
    OP_TIMERS, /* high bits: so many deadlines and one pass */
    OP_PASS,   /* high bits: 2^n ms */
    OP_ECHO,   /* u8 which of what was sent, who, u8 flips (1: u16 bit): it comes back from who;
                  0x10: and whatever is sent then comes back from where it went */
    OP_CALL,   /* u8 which connection; high bits: enum fuzz_call */
    OP_LISTEN, /* 0x10: on */
    OP_ICMP,   /* who; 0x10: unreachable, else refused */
    OP_CORE_END
};

enum fuzz_call {
    CALL_CLOSE,
    CALL_ABORT,
    CALL_FREE,
    CALL_SEND,   /* u8 channel, u16 length */
    CALL_LET_IN, /* from now on */
    CALL_KEEP_OUT,
    CALL_SET_KEY, /* the server's key, of later dials, or none */
    CALL_ENDS
};

#endif
