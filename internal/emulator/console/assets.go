package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
)

//go:embed assets/console.js assets/icon.svg htmx/htmx.min.js htmx/hx-sse.min.js
var assetFiles embed.FS

// style is in each page. A browser paints nothing before it has the style, and to ask for a file
// takes it as long as all else.
//
//go:embed assets/console.css
var style template.CSS

// icon is in each page, too, beside the file that the browser has for the tab.
//
//go:embed assets/icon.svg
var icon template.HTML

// assetPaths are the files of /assets/ by their names. The scripts are one file: htmx begins in a
// timer after its own script, and if another file's script came later, it would begin without the
// extension for streams.
func assetPaths() map[string][]string {
	return map[string][]string{
		"icon.svg":   {"assets/icon.svg"},
		"scripts.js": {"htmx/htmx.min.js", "htmx/hx-sse.min.js", "assets/console.js"},
	}
}

// contentTypes are those of the files, by their extension.
var contentTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// assets are the files by their address, /assets/DIGEST/NAME. A file that changes has another
// address, so that a browser may keep each for ever.
type assets map[string]asset

// asset is one file.
type asset struct {
	contentType, etag string
	plain, gzip       []byte
}

// loadAssets reads and compresses the files.
func loadAssets() (assets, error) {
	all := assets{}
	for name, files := range assetPaths() {
		var parts [][]byte
		for _, file := range files {
			part, err := assetFiles.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("reading a file of the console: %w", err)
			}
			parts = append(parts, part)
		}
		text := bytes.Join(parts, []byte(";\n"))
		sum := sha256.Sum256(text)
		digest := hex.EncodeToString(sum[:8])
		all["/assets/"+digest+"/"+name] = asset{
			contentType: contentTypes[path.Ext(name)], etag: `"` + digest + `"`, plain: text, gzip: compressed(text),
		}
	}
	return all, nil
}

// address is that of a file, by its name; empty if there is no such file.
func (a assets) address(name string) string {
	for address := range a {
		if path.Base(address) == name {
			return address
		}
	}
	return ""
}

// ServeHTTP answers a file: compressed if the browser takes that, and 304 if it has it.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, found := a[r.URL.Path]
	if !found {
		http.Error(w, "there is no such file", http.StatusNotFound)
		return
	}
	header := w.Header()
	header.Set("Content-Type", file.contentType)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("ETag", file.etag)
	header.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == file.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	write(w, r, file.plain, file.gzip)
}

// write answers a text: compressed if the browser takes that.
func write(w http.ResponseWriter, r *http.Request, plain, compressed []byte) {
	if takesGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		plain = compressed
	}
	_, _ = w.Write(plain) // the browser may have gone
}

// takesGzip reports whether a browser asks for gzip. No browser asks for it with a weight of 0.
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if name, _, _ := strings.Cut(strings.TrimSpace(coding), ";"); name == "gzip" {
			return true
		}
	}
	return false
}

// compressed is a text in gzip.
func compressed(text []byte) []byte {
	var buffer bytes.Buffer
	w, _ := gzip.NewWriterLevel(&buffer, gzip.BestCompression) // fails for an unknown level only
	_, _ = w.Write(text)                                       // to memory
	_ = w.Close()
	return buffer.Bytes()
}
