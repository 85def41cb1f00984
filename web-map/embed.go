// Package webmap holds the built web map, so that the server is one file. Build it first with
// `npm ci && npm run build` in this folder; without that the package still compiles and holds no page.
package webmap

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files is the built web map: index.html, assets/ with content hashes in their names, and beside each asset its
// .br and .gz form. It holds no index.html when the web map was not built. Read-only, safe for concurrent use.
func Files() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path: this cannot happen
	}
	return sub
}
