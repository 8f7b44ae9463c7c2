// Package web embeds the console. Only dist/.keep is tracked, so that go build works on a fresh clone without npm;
// web/public/.keep puts it back after each build.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Dist is the built console: index.html and assets. Built is false when it holds nothing but .keep; then the server says
// "console not built: make web".
func Dist() (files fs.FS, built bool) {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: dist is embedded: " + err.Error())
	}
	_, err = fs.Stat(sub, "index.html")
	return sub, err == nil
}
