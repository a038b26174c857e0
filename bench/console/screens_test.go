package console_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"cloudpay/internal/nodetest"
)

// axe is the text of axe-core, which npm installs at the version of package-lock.json.
var axe = sync.OnceValues(func() (string, error) {
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	if said, err := install.CombinedOutput(); err != nil {
		return string(said), err
	}
	text, err := os.ReadFile(filepath.Join("node_modules", "axe-core", "axe.min.js"))
	return string(text), err
})

// screens are the addresses of all pages: those of the navigation, so that a new one is looked at
// by itself, and one of each kind that they lead to.
func screens(t testing.TB, w *world) []string {
	t.Helper()
	p := openTab(t, w.ConsoleURL, look{})
	p.visit("/")
	paths := eval[[]string](p, `[...document.querySelectorAll('nav a[href]')].map((a) => a.getAttribute('href'))`)
	const least = 4
	if len(paths) < least {
		t.Fatalf("the navigation has %v", paths)
	}
	refused, err := w.lastRefused()
	if err != nil {
		t.Fatal(err)
	}
	return append(paths, refused, "/orders/"+waitingOrder, "/orders/"+differingOrder, "/orders/"+closedOrder)
}

// Each screen in both languages, wide and narrow, by day and by night: the browser complains of
// nothing, the page is no wider than its window, and axe-core finds no violation.
func TestScreens(t *testing.T) {
	nodetest.Need(t)
	judge, err := axe()
	if err != nil {
		t.Fatalf("npm ci: %v\n%s", err, judge)
	}
	w := theWorld(t)
	paths := screens(t, w)
	for _, chinese := range []bool{false, true} {
		p := openTab(t, w.ConsoleURL, look{chinese: chinese})
		for _, path := range append(paths, "/nothing") {
			p.wear(look{chinese: chinese})
			p.visit(path)
			p.run(judge)
			for _, narrow := range []bool{false, true} {
				for _, dark := range []bool{false, true} {
					p.wear(look{chinese: chinese, narrow: narrow, dark: dark})
					p.wantAccessible(path)
				}
			}
			if path != "/nothing" { // which answers 404, and the browser says so
				p.wantNoComplaints(path)
			}
		}
	}
	t.Logf("%d screens, each in 8 looks", len(paths)+1)
}

// wantAccessible fails the test if axe-core finds a violation, if the page is wider than its
// window, or if it is in another language. By night only the colours are others.
func (p *tab) wantAccessible(path string) {
	p.Helper()
	rules := `{}`
	if p.dark {
		rules = `{runOnly: {type: 'rule', values: ['color-contrast']}}`
	}
	for _, violation := range eval[[]string](p, `axe.run(document, {resultTypes: ['violations'], ...`+rules+`}).then((r) => r.violations.map((v) =>
		v.id + ': ' + v.help + '\n' + v.nodes.slice(0, 3).map((n) => '  ' + n.html.slice(0, 200) + ' ' + n.failureSummary).join('\n')))`) {
		p.Errorf("%s, %s: %s", path, p.look, violation)
	}
	if over := eval[int](p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		p.Errorf("%s, %s: the page is %d pixels wider than its window", path, p.look, over)
	}
	if got, want := eval[string](p, `document.documentElement.lang`), p.T("en", "zh-CN"); !strings.HasPrefix(got, want) {
		p.Errorf("%s, %s: the page is in %q", path, p.look, got)
	}
}
