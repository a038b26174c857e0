// Package docs_test holds the pages in Chinese (NAME.zh.md) to those in English (NAME.md) beside
// them.
package docs_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const root = ".."

// translated are the pages that a merchant's developer needs first, and so are in Chinese, too.
var translated = []string{"README.md", "docs/callers.md", "docs/deploy.md", "docs/events.md", "docs/migrating.md", "docs/why.md"}

// Every page in Chinese has what its page in English has, in the same order: headings, blocks of
// code (but for comments), items of lists, the rows of tables, links, and what stands between
// backquotes. A figure of the English text stands in the Chinese one.
func TestTranslations(t *testing.T) {
	t.Parallel()
	found := translations(t)
	for _, english := range translated {
		if !slices.Contains(found, english) {
			t.Errorf("%s has no page in Chinese: write %s", english, inChinese(english))
		}
	}
	for _, english := range found {
		t.Run(strings.ReplaceAll(english, "/", "_"), func(t *testing.T) {
			t.Parallel()
			wantTranslation(t, english, read(t, english), read(t, inChinese(english)), pages{t})
		})
	}
}

func wantTranslation(t testing.TB, english, text, translation string, all pages) {
	t.Helper()
	wantSwitch(t, english, text, inChinese(english))
	wantSwitch(t, inChinese(english), translation, english)
	want, got := readPage(text), readPage(translation)
	if diff := cmp.Diff(levels(want), levels(got)); diff != "" {
		t.Errorf("%s: levels of headings (-%s +%s):\n%s", inChinese(english), english, inChinese(english), diff)
		return
	}
	for i, s := range want.sections {
		s.links = all.linksInChinese(english, s.links)
		s.spans = pathsInChinese(s.spans)
		for _, table := range s.tables {
			for r := range table {
				table[r].spans = pathsInChinese(table[r].spans)
			}
		}
		where := inChinese(english) + ", section " + got.sections[i].title + " (" + s.title + ")"
		if diff := cmp.Diff(s, got.sections[i], compared...); diff != "" {
			t.Errorf("%s: (-English +Chinese)\n%s", where, diff)
		}
		for _, figure := range s.figures {
			if !slices.Contains(got.sections[i].figures, figure) {
				t.Errorf("%s: the figure %s is missing", where, figure)
			}
		}
	}
}

// compared leaves out what differs between languages.
var compared = []cmp.Option{
	cmp.AllowUnexported(section{}, block{}, row{}),
	cmpopts.IgnoreFields(section{}, "title", "figures"),
	cmpopts.EquateEmpty(),
}

// wantSwitch wants a page to have the link to itself in the other language.
func wantSwitch(t testing.TB, name, text, other string) {
	t.Helper()
	wanted := "](" + path.Base(other) + ")"
	for line := range strings.SplitSeq(text, "\n") {
		if switchLine.MatchString(line) && strings.HasSuffix(line, wanted) {
			return
		}
	}
	t.Errorf("%s has no line with nothing but a link to %s: [中文](…) or [English](…)", name, path.Base(other))
}

func levels(p page) []int {
	all := make([]int, 0, len(p.sections))
	for _, s := range p.sections {
		all = append(all, s.level)
	}
	return all
}

// pages are the documents that links lead to.
type pages struct{ t testing.TB }

// linksInChinese are the links of a page in English as they must stand in Chinese: to the page in
// Chinese where there is one, and there to the heading at the same place.
func (p pages) linksInChinese(from string, links []string) []string {
	p.t.Helper()
	wanted := make([]string, 0, len(links))
	for _, target := range links {
		if picture, is := strings.CutSuffix(target, ".webp"); is { // of a page in that language
			wanted = append(wanted, picture+".zh.webp")
			continue
		}
		file, anchor, _ := strings.Cut(target, "#")
		leads := path.Join(path.Dir(from), file)
		if file == "" {
			leads = from
		}
		if strings.Contains(target, "://") || !isTranslated(leads) {
			wanted = append(wanted, target)
			continue
		}
		if file != "" {
			file = inChinese(file)
		}
		if anchor != "" {
			file += "#" + p.anchorInChinese(leads, anchor)
		}
		wanted = append(wanted, file)
	}
	slices.Sort(wanted)
	return wanted
}

// pathsInChinese are what stands between backquotes, as it must stand in Chinese: the path of a
// page becomes that of the page in Chinese where there is one.
func pathsInChinese(spans []string) []string {
	wanted := slices.Clone(spans)
	for i, text := range wanted {
		if isTranslated(text) {
			wanted[i] = inChinese(text)
		}
	}
	slices.Sort(wanted)
	return wanted
}

func (p pages) anchorInChinese(english, anchor string) string {
	p.t.Helper()
	at := slices.Index(anchorsIn(p.t, english), anchor)
	anchors := anchorsIn(p.t, inChinese(english))
	if at < 0 || at >= len(anchors) {
		p.t.Errorf("%s has no heading #%s", english, anchor)
		return anchor
	}
	return anchors[at]
}

// anchorsRead are the anchors of the documents that were read, by their paths from the root.
var anchorsRead sync.Map

// anchorsIn are those of a document, which is read once however many links lead to it.
func anchorsIn(t testing.TB, name string) []string {
	t.Helper()
	if known, has := anchorsRead.Load(name); has {
		return known.([]string)
	}
	anchors := readPage(read(t, name)).anchors()
	anchorsRead.Store(name, anchors)
	return anchors
}

// translations are the pages in English that have one in Chinese, by their paths from the root.
func translations(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, name := range documents(t) {
		if page, is := strings.CutSuffix(name, ".zh.md"); is {
			found = append(found, page+".md")
		}
	}
	return found
}

// documents are all pages of the repository, by their paths from the root.
func documents(t *testing.T) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (isBuilt(entry.Name()) || name != "." && strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case path.Ext(name) == ".md":
			found = append(found, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// isBuilt tells folders that hold what was installed or built.
func isBuilt(folder string) bool { return folder == "node_modules" || folder == "dist" }

func inChinese(english string) string { return strings.TrimSuffix(english, ".md") + ".zh.md" }

func isTranslated(english string) bool {
	_, err := os.Stat(filepath.Join(root, inChinese(english)))
	return strings.HasSuffix(english, ".md") && err == nil
}

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// faults collects what a comparison finds.
type faults struct {
	testing.TB

	found []string
}

func (f *faults) Helper() {}

func (f *faults) Errorf(format string, _ ...any) { f.found = append(f.found, format) }

// Whatever of a page is left out of its translation, or is changed in it, is found.
func TestTranslationFaults(t *testing.T) {
	t.Parallel()
	const english = "docs/page.md"
	text := strings.Join([]string{
		"# Page", "", "[中文](page.zh.md)", "", "`A=1` takes 10 minutes ([more](other.md)).", "",
		"## Table", "", "| name | is |", "|---|---|", "| `a` | one |", "| `b` | two |", "",
		"- first", "- second", "", "```sh", "run --fast # at once", "```", "",
	}, "\n")
	good := strings.NewReplacer(
		"[中文](page.zh.md)", "[English](page.md)", "# Page", "# 页面", "takes 10 minutes", "需要 10 分钟", "more", "详见",
		"Table", "表格", "one", "一", "two", "二", "first", "第一", "second", "第二", "at once", "立即", "name | is", "名称 | 含义",
	).Replace(text)
	if found := compareTexts(t, english, text, good); len(found) > 0 {
		t.Fatalf("a good translation: got %q", found)
	}
	for name, change := range map[string][2]string{
		"no link to English":   {"[English](page.md)", ""},
		"another level":        {"## 表格", "### 表格"},
		"no heading":           {"## 表格", "表格"},
		"another setting":      {"`A=1`", "`A=2`"},
		"a setting less":       {"`A=1`", "A"},
		"a figure less":        {"10", "几"},
		"another link":         {"other.md", "others.md"},
		"a row less":           {"| `b` | 二 |\n", ""},
		"a column more":        {"| `b` | 二 |", "| `b` | 二 | |"},
		"another name in rows": {"| `b` |", "| `c` |"},
		"an item less":         {"- 第二\n", ""},
		"another command":      {"run --fast", "run --slow"},
		"another language":     {"```sh", "```text"},
		"a block less":         {"```sh\nrun --fast # 立即\n```\n", ""},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Errorf("%s: nothing was changed", name)
		}
		if found := compareTexts(t, english, text, bad); len(found) == 0 {
			t.Errorf("%s: got no fault", name)
		}
	}
}

func compareTexts(t *testing.T, english, text, translation string) []string {
	t.Helper()
	f := &faults{TB: t}
	wantTranslation(f, english, text, translation, pages{f})
	return f.found
}

func TestAnchors(t *testing.T) {
	t.Parallel()
	got := readPage("# Who may call\n## `X-WX-OPENID`, a header\n## 谁可以调用？\n## A\n## A\n").anchors()
	want := []string{"", "who-may-call", "x-wx-openid-a-header", "谁可以调用", "a", "a-1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
