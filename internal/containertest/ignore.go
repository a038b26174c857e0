package containertest

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// ignored is a .dockerignore, which leaves files out of the build's context
// (docs.docker.com/build/concepts/context, "dockerignore files"). A pattern matches a path or any
// of its parents; of the patterns that match, the last one decides, and ! takes a file in again.
type ignored []ignorePattern

type ignorePattern struct {
	glob    string
	path    *regexp.Regexp // of the glob
	include bool
}

// parseIgnore reads the text of a .dockerignore.
func parseIgnore(text string) ignored {
	var all ignored
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		line, include := strings.CutPrefix(line, "!")
		glob := strings.Trim(path.Clean(line), "/")
		all = append(all, ignorePattern{glob: glob, path: globPattern(glob), include: include})
	}
	return all
}

// globPattern is the expression of a pattern: * is any text without a slash, ** any folders.
func globPattern(glob string) *regexp.Regexp {
	var e strings.Builder
	for len(glob) > 0 {
		switch {
		case strings.HasPrefix(glob, "**/"):
			e.WriteString("(?:.*/)?")
			glob = glob[len("**/"):]
		case strings.HasPrefix(glob, "**"):
			e.WriteString(".*")
			glob = glob[len("**"):]
		case glob[0] == '*':
			e.WriteString("[^/]*")
			glob = glob[1:]
		case glob[0] == '?':
			e.WriteString("[^/]")
			glob = glob[1:]
		default:
			e.WriteString(regexp.QuoteMeta(glob[:1]))
			glob = glob[1:]
		}
	}
	return regexp.MustCompile("^" + e.String() + "$")
}

// has reports whether a file is left out. The name is relative to the context.
func (i ignored) has(name string) bool {
	out := false
	for _, p := range i {
		for part := name; part != "."; part = path.Dir(part) {
			if p.path.MatchString(part) {
				out = !p.include
				break
			}
		}
	}
	return out
}

// skips reports whether everything in a folder is left out, so that the folder need not be read.
func (i ignored) skips(folder string) bool {
	return i.has(folder) && !slices.ContainsFunc(i, func(p ignorePattern) bool {
		return p.include && (strings.Contains(p.glob, "*") || strings.HasPrefix(p.glob, folder+"/"))
	})
}
