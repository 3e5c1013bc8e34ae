#include <belay/common.h>

const char *belay_strerror(int error)
{
    switch (error) {
    case BELAY_OK:
        return "no error";
    case BELAY_EAGAIN:
        return "the send queue is full";
    case BELAY_EMSGSIZE:
        return "the message is larger than the limit";
    case BELAY_ENOTCONN:
        return "not connected";
    case BELAY_ETIMEDOUT:
        return "timed out: the peer is silent";
    case BELAY_ERESET:
        return "the peer reset the connection";
    case BELAY_EREFUSED:
        return "connection refused";
    case BELAY_EPROTO:
        return "the protocol was broken";
    case BELAY_ENOMEM:
        return "out of memory";
    case BELAY_EINVAL:
        return "an argument is out of range";
    case BELAY_ECLOSED:
        return "the connection is closed";
    case BELAY_EEXPIRED:
        return "the message's deadline passed";
    case BELAY_ESYS:
        return "a system call failed";
    case BELAY_EVERSION:
        return "the peer speaks no version of the protocol that we do";
    case BELAY_EHOST:
        return "the host name has no address";
    case BELAY_EUNREACH:
        return "no route to the peer";
    case BELAY_ELIMIT:
        return "a configured limit is reached";
    case BELAY_EKEY:
        return "the peer has not the expected key";
    default:
        return "unknown error";
    }
}

const char *belay_version(void)
{
    return BELAY_VERSION;
}
