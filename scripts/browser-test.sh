#!/usr/bin/env bash
# Starts the built server on a fresh private database with the demo, runs the browser tests against it, and stops it.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=$(mktemp -d)
chmod 755 "$dir"
port=${PORT:-$((20000 + RANDOM % 20000))}
log=$dir/server.log
bin/wangge serve --listen "127.0.0.1:$port" --data "$dir/data" --demo >"$log" 2>&1 &
server=$!
finish() {
  status=$?
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  if [[ $status -ne 0 ]]; then
    echo "--- the end of the server's log"
    tail -n 20 "$log"
    echo "--- what failed"
    sed 's/\x1b\[[0-9;]*m//g' "$dir/tests.log" 2>/dev/null | grep -A 12 -E '^ *FAIL |Unhandled' | tail -n 80
  fi
  rm -rf "$dir"
  exit "$status"
}
trap finish EXIT

for _ in $(seq 1 600); do
  kill -0 "$server" 2>/dev/null || { echo "the server ended early" >&2; exit 1; }
  [[ $(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/readyz" || true) == 200 ]] && break
  sleep 0.2
done
cd web-map && WANGGE_URL="http://127.0.0.1:$port" npm run e2e 2>&1 | tee "$dir/tests.log"
