package main

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// recipes is the folder of the programs that docs/sdks.md shows. Its tests run them.
const recipes = "bench/recipes"

// sdkRecipe is a section of docs/sdks.md: one SDK, at one version, with the program that it shows.
type sdkRecipe struct {
	sdk, version, program string
	blocks                []fenced
}

// What docs/sdks.md shows of a program stands in that program, line by line, and the version is the
// one that the tests of bench/recipes install. So the document shows nothing that was not run, but
// for the program in PHP, which no test runs.
func TestSDKRecipes(t *testing.T) {
	t.Parallel()
	const least = 4 // lines, and fewer are no excerpt
	installed := sdkVersions(t)
	var shown []string
	for _, r := range sdkRecipes(t) {
		shown = append(shown, r.program)
		if want, is := installed[r.sdk]; is && r.version != want || !is && path.Ext(r.program) != ".php" {
			t.Errorf("%s: docs/sdks.md says version %q, and %s has %q", r.sdk, r.version, recipes, want)
		}
		program := "\n" + readRoot(t, r.program)
		for _, b := range r.blocks {
			if len(b.lines) < least || !strings.Contains(program, "\n"+strings.Join(b.lines, "\n")+"\n") {
				t.Errorf("docs/sdks.md:%d: the block is no part of %s of at least %d lines", b.line, r.program, least)
			}
		}
		if len(r.blocks) == 0 {
			t.Errorf("docs/sdks.md shows nothing of %s", r.program)
		}
	}
	slices.Sort(shown)
	if programs := recipePrograms(t); !slices.Equal(shown, programs) {
		t.Errorf("docs/sdks.md has sections for\n%s\nwant one for each of\n%s", strings.Join(shown, "\n"), strings.Join(programs, "\n"))
	}
}

// sdkRecipes are the sections that name a program, which they link.
func sdkRecipes(t *testing.T) []sdkRecipe {
	t.Helper()
	heading := regexp.MustCompile(`^## ([a-z0-9-]+) ([0-9.]+)$`)
	link := regexp.MustCompile(`\(\.\./(` + recipes + `/[^)]+)\)`)
	text := readRoot(t, "docs/sdks.md")
	blocks, err := readBlocks(text)
	if err != nil {
		t.Fatalf("docs/sdks.md:%v", err)
	}
	blocks = slices.DeleteFunc(blocks, fenced.isCommands)
	var all []sdkRecipe
	inRecipe := false
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "## ") {
			match := heading.FindStringSubmatch(line)
			if inRecipe = match != nil; inRecipe {
				all = append(all, sdkRecipe{sdk: match[1], version: match[2]})
			}
		}
		if !inRecipe {
			continue
		}
		r := &all[len(all)-1]
		if match := link.FindStringSubmatch(line); match != nil && r.program == "" {
			r.program = match[1]
		}
		if at := slices.IndexFunc(blocks, func(b fenced) bool { return b.line == i+1 }); at >= 0 {
			r.blocks = append(r.blocks, blocks[at])
		}
	}
	return all
}

// recipePrograms are the programs of the folder, one for each SDK, sorted.
func recipePrograms(t *testing.T) []string {
	t.Helper()
	const shared = recipes + "/shop.js"
	var all []string
	for _, pattern := range []string{"*.js", "*.php", "testdata/*/main.go"} {
		found, err := filepath.Glob(filepath.Join(repositoryRoot, recipes, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no program in %s is like %s: %v", recipes, pattern, err)
		}
		for _, file := range found {
			relative, err := filepath.Rel(repositoryRoot, file)
			if err != nil {
				t.Fatal(err)
			}
			if name := filepath.ToSlash(relative); name != shared {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return all
}

// sdkVersions are the versions that the recipes run with, by the last part of the SDK's name.
func sdkVersions(t *testing.T) map[string]string {
	t.Helper()
	var npm struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	if err := json.Unmarshal([]byte(readRoot(t, recipes+"/package.json")), &npm); err != nil {
		t.Fatal(err)
	}
	goMod := filepath.Join(repositoryRoot, "bench", "go.mod")
	text, err := os.ReadFile(goMod)
	if err != nil {
		t.Fatal(err)
	}
	module, err := modfile.Parse(goMod, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	versions := npm.Dependencies
	for _, required := range module.Require {
		if !required.Indirect {
			versions[path.Base(required.Mod.Path)] = strings.TrimPrefix(required.Mod.Version, "v")
		}
	}
	return versions
}
