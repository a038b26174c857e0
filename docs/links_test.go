package docs_test

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every link of a document leads to a file of this repository and, where it names a heading, to a
// heading of that file. Links to other sites are not followed.
func TestLinks(t *testing.T) {
	t.Parallel()
	followed := 0
	for _, name := range documents(t) {
		for _, s := range readPage(read(t, name)).sections {
			for _, target := range s.links {
				if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
					continue
				}
				followed++
				wantTarget(t, name, target)
			}
		}
	}
	if followed < 100 {
		t.Errorf("followed only %d links", followed)
	}
}

func wantTarget(t *testing.T, name, target string) {
	t.Helper()
	file, anchor, hasAnchor := strings.Cut(target, "#")
	leads := path.Join(path.Dir(name), file)
	if file == "" {
		leads = name
	}
	if _, err := os.Stat(filepath.Join(root, leads)); err != nil {
		t.Errorf("%s links to %s, which does not exist", name, target)
		return
	}
	if hasAnchor && path.Ext(leads) == ".md" && !slices.Contains(anchorsIn(t, leads), anchor) {
		t.Errorf("%s links to %s, and %s has no such heading", name, target, leads)
	}
}
