// Package watch tells when the sources of functions change.
package watch

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"cloudpay/internal/bilingual"
)

// quiet is how long nothing must change before changes are told: an editor writes several files,
// and some files several times.
const quiet = 200 * time.Millisecond

// Watcher watches folders from Start on.
type Watcher struct {
	watcher *fsnotify.Watcher
	paths   []string
}

// Start begins to watch folders and what is below them. Hidden folders and node_modules are passed
// over. Run ends it.
func Start(paths []string) (*Watcher, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, bilingual.Errorf("watching the sources: %w", "监视源码：%w", err)
	}
	w := &Watcher{watcher, paths}
	if err := w.Add(paths); err != nil {
		_ = watcher.Close()
		return nil, err
	}
	return w, nil
}

// Add watches further folders and files. Those that are watched already may be among them.
func (w *Watcher) Add(paths []string) error {
	for _, path := range paths {
		if err := add(w.watcher, path); err != nil {
			return bilingual.Errorf("watching %s: %w", "监视 %s：%w", path, err)
		}
	}
	return nil
}

// Run calls changed after every burst of changes, with one of the files that changed, until ctx
// ends. Only files that functions are made of count: sources, descriptions, binaries.
func (w *Watcher) Run(ctx context.Context, changed func(file string)) {
	defer func() { _ = w.watcher.Close() }()
	var last string
	var due <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-w.watcher.Events:
			if event.Has(fsnotify.Create) && !ignored(filepath.Base(event.Name)) {
				_ = add(w.watcher, event.Name) // a new folder; one that is gone again needs no watching
			}
			if counts(event) {
				last, due = event.Name, time.After(quiet)
			}
		case err := <-w.watcher.Errors: // changes were lost: something changed
			if err != nil {
				last, due = w.paths[0], time.After(quiet)
			}
		case <-due:
			due = nil
			changed(last)
		}
	}
}

// add watches a folder and those below it, or a file's folder: editors replace files.
func add(watcher *fsnotify.Watcher, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		path = filepath.Dir(path)
	}
	if err := watcher.Add(path); err != nil || !info.IsDir() {
		return wrapped(err)
	}
	return wrapped(filepath.WalkDir(path, func(folder string, entry fs.DirEntry, _ error) error {
		switch {
		case entry == nil, !entry.IsDir():
		case folder != path && ignored(entry.Name()):
			return fs.SkipDir
		default:
			_ = watcher.Add(folder) // it may be gone again, or closed to this user
		}
		return nil
	}))
}

// wrapped adds what was done.
func wrapped(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("asking for notices of changes: %w", err)
}

// ignored reports whether a folder holds no sources: what tools keep, and other people's packages.
func ignored(name string) bool { return strings.HasPrefix(name, ".") || name == "node_modules" }

// extensions and names of files that functions are made of. The names of files of variables begin
// with .env, or end with it.
var (
	extensions = []string{".go", ".mod", ".sum", ".js", ".cjs", ".mjs", ".json", ".yml", ".yaml", ".env", ".zip"}
	names      = []string{"scf_bootstrap", "main", "bootstrap"}
)

// counts reports whether an event is a change of such a file.
func counts(event fsnotify.Event) bool {
	name := filepath.Base(event.Name)
	isSource := slices.Contains(extensions, filepath.Ext(name)) || slices.Contains(names, name) || strings.HasPrefix(name, ".env")
	return event.Op != fsnotify.Chmod && isSource
}
