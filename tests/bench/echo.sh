#!/usr/bin/env bash
# The echo of small messages over loopback, Belay beside ENet: a short way to one table of run.sh.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/run.sh" --table echo "$@"
