#!/usr/bin/env bash
# Looks for known mistakes in our code (gosec) and for known faults in what it is built of (govulncheck). The versions of both are in
# scripts/tools.mod, apart from the program's own modules.
set -euo pipefail
cd "$(dirname "$0")/.."

# What gosec must not ask about, by place, with the reason. In a single line of ours it stands beside the line, as #nosec with a reason.
allowed=(
  '.*:G115'                                # whole numbers made narrower: lengths and counts, bounded where they are read; fuzzing looks for the rest
  'geoserver/localpg/.*:G104,G204,G304'    # starts the system's own PostgreSQL by fixed arguments in the folder of --data; errors of tidying up
  'geoserver/localpg/.*:G301,G302'         # the database's user must be able to enter the folder: 0711 shows no names
  'geoserver/benchcmd\.go:G302,G404'       # the same, for a temporary folder; chance for a benchmark
  'geoserver/bench/.*:G304'                # reads /proc of the process that it measures
  'geoserver/commands\.go:G304'            # a file that the operator names
  'geoserver/demo/.*:G404'                 # chance that must come out the same each time
  'grids/risk/.*:G404'                     # the same: a seed gives the same bytes
  'geoserver/api/(tiles|assets|events)\.go:G705' # bytes of tiles, of files of ours and of JSON, each with its type and nosniff
  'grids/grids\.go:G401,G505'              # UUID version 5 is SHA-1 by its definition: a name, not a secret
  'tiles/catalogue\.go:G401,G501'          # MD5 as the tag of a content: a name, not a secret
  'tiles/shape\.go:G602'                   # the index is at least 1 there
  'importers/sandbox/.*:G104,G204,G304,G703' # starts the reader beside the program in a sandbox; errors of tidying up
  'importers/reader/.*:G103,G304'          # the sandboxed child: system calls, and files of its own folder
)
go tool -modfile=scripts/tools.mod gosec -quiet -exclude-rules "$(IFS=';'; echo "${allowed[*]}")" ./geoserver/... ./grids/... ./importers/... ./styles/... ./tiles/... ./web-map

if [[ -z ${GOVULNDB:-} ]]; then
  echo "govulncheck: skipped, for it needs a database of faults: set GOVULNDB to one (https://vuln.go.dev, or file:///… for a copy)"
  exit 0
fi
go tool -modfile=scripts/tools.mod govulncheck -db "$GOVULNDB" ./...
