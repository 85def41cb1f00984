#!/usr/bin/env bash
# Every Go test once. The race detector makes them three to five times as slow: it watches the packages that begin goroutines or share something,
# but for their long tests that ask one thing after the other. "make race" has it watch everything.
set -euo pipefail
cd "$(dirname "$0")/.."

long='^Test(FollowingEqualsBeginningAnew|NobodyWorksOutASmallCount|RoutesAndNeeds|Server|Analysis|AnalysesByEdition|TheFirstAccounts|TheLifeOfAServer|AuditVerify|BenchTiles|BenchTilesAgainstTheDatabase|GDALReadsEveryTile)$'
mapfile -t all < <(go list ./...)
mapfile -t raced < <(git ls-files '*.go' ':!*_test.go' | xargs grep -lE '\bgo func|\.Go\(|"sync' | xargs -n1 dirname | sort -u | sed 's|^|wangge/|')
mapfile -t others < <(printf '%s\n' "${all[@]}" | grep -vxF "$(printf '%s\n' "${raced[@]}")")

go test -race -timeout 30m -skip "$long" "${raced[@]}"
go test -timeout 30m -run "$long" ./geoserver ./geoserver/live
go test -timeout 30m "${others[@]}"
