package docs_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/dropin"
)

const migrating = "docs/migrating.md"

// programs are the servers that the tests of bench/recipes compile and run with modules of others,
// by the headings of their sections.
var programs = map[string]string{
	"From wechatpay-go": "bench/recipes/testdata/wechatpaygo/main.go",
	"From gopay":        "bench/recipes/testdata/gopay/main.go",
}

// What the page shows of another module stands in the program that is compiled with it and run: the
// blocks line by line, and each name on the left of the tables. Each name on the right stands in a
// file that the tests of internal/toolchain/module compile.
func TestMigratingFromGo(t *testing.T) {
	t.Parallel()
	ours := strings.Join([]string{goOf(t, "README.md"), goOf(t, "docs/go.md"), goOf(t, migrating)}, "\n")
	for heading, path := range programs {
		theirs := read(t, path)
		s := sectionOf(t, heading)
		excerpts := 0
		for _, b := range s.blocks {
			if b.language == "go" && !strings.Contains(b.lines[0], "package ") {
				excerpts++
				wantExcerpt(t, path, theirs, b)
			}
		}
		if excerpts == 0 || len(s.tables) != 1 {
			t.Errorf("%s: got %d blocks of theirs and %d tables, want some, and one", heading, excerpts, len(s.tables))
		}
		wantNames(t, heading, theirs, ours)
	}
}

func wantExcerpt(t *testing.T, path, program string, b block) {
	t.Helper()
	bare := "\n" + strings.Join(block{b.language, strings.Split(program, "\n")}.bare().lines, "\n") + "\n"
	if !strings.Contains(bare, "\n"+strings.Join(b.lines, "\n")+"\n") {
		t.Errorf("this is no part of %s:\n%s", path, strings.Join(b.lines, "\n"))
	}
}

// wantNames wants what is between backquotes in the two columns of a section's table to stand in
// their program, and in our files.
func wantNames(t *testing.T, heading, theirs, ours string) {
	t.Helper()
	const columns, least = 2, 6
	rows := 0
	for line := range strings.SplitSeq(textOf(t, heading), "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "|") || len(cells) != columns {
			continue
		}
		rows++
		for i, where := range []string{theirs, ours} {
			for _, name := range spansOf(cells[i]) {
				if !strings.Contains(where, name) {
					t.Errorf("%s: %q stands in no program", heading, name)
				}
			}
		}
	}
	if rows < least {
		t.Errorf("%s: got %d rows", heading, rows)
	}
}

// goOf is all Go that a document shows, without comments.
func goOf(t *testing.T, document string) string {
	t.Helper()
	var all []string
	for _, s := range readPage(read(t, document)).sections {
		for _, b := range s.blocks {
			if b.language == "go" {
				all = append(all, b.lines...)
			}
		}
	}
	return strings.Join(all, "\n")
}

// sectionOf is a section of the page.
func sectionOf(t *testing.T, heading string) section {
	t.Helper()
	for _, s := range readPage(read(t, migrating)).sections {
		if s.title == heading {
			return s
		}
	}
	t.Fatalf("%s has no section %q", migrating, heading)
	return section{}
}

// textOf is a section as it stands.
func textOf(t *testing.T, heading string) string {
	t.Helper()
	_, text, found := strings.Cut(read(t, migrating), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", migrating, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// after is a section's block of JavaScript that begins with the comment "after".
func after(t *testing.T, heading string) string {
	t.Helper()
	_, text, begins := strings.Cut(textOf(t, heading), "```js\n// after\n")
	text, _, ends := strings.Cut(text, "```\n")
	if !begins || !ends {
		t.Fatalf("%s: the section %q has no block of JavaScript that begins with // after", migrating, heading)
	}
	return text
}

// number names an order in either way; an operation drops the way that is not its own.
const number = `"out_trade_no":"A1","transaction_id":"4200000001"`

// The templates' operations that the page names are served by the drop-ins.
func TestMigratingFromTemplates(t *testing.T) {
	t.Parallel()
	for _, path := range namesIn(t, "From pay-common", `/wx-pay/wxpay_\w+`) {
		call, is := dropin.ReadRoute(path, []byte("{"+number+"}"))
		wantServed(t, path, call, is)
	}
	for _, name := range namesIn(t, "From wxpayFunctions", `wxpay_\w+`) {
		call, is := dropin.ReadEvent([]byte(`{"type":"` + name + `",` + number + `}`))
		wantServed(t, name, call, is)
	}
}

// namesIn are the names that a section has and the expression matches, each once, sorted.
func namesIn(t *testing.T, heading, expression string) []string {
	t.Helper()
	const operations = 3 // of closing and querying
	names := sorted(regexp.MustCompile(expression).FindAllString(textOf(t, heading), -1))
	if len(names) != operations {
		t.Errorf("%s: got %v, want %d operations", heading, names, operations)
	}
	return names
}

func wantServed(t *testing.T, name string, call dropin.Call, is bool) {
	t.Helper()
	want := dropin.Query
	if strings.HasSuffix(name, "close_order") {
		want = dropin.Close
	}
	if !is || call.Fault != nil || call.Operation != want {
		t.Errorf("%s: got %t, %q and %v, want %q", name, is, call.Operation, call.Fault, want)
	}
}

// modules are what the cloud function requires, by their paths: wx-server-sdk with an answer, and
// what prints the function's result and what it called.
var modules = map[string]string{
	"node_modules/wx-server-sdk/index.js": `
exports.calls = []
exports.init = () => {}
exports.getWXContext = () => ({ OPENID: 'oABC', APPID: 'wx0123456789abcdef' })
exports.callFunction = async (call) => {
  exports.calls.push(call)
  return { result: { returnCode: 'SUCCESS', resultCode: 'SUCCESS', outcome: 'closed' } }
}`,
	"run.js": `
const { calls } = require('wx-server-sdk')
require('./index.js').main({ outTradeNo: 'A1', subMchId: '1900000109', nonceStr: 'n1' })
  .then(({ outcome }) => console.log(JSON.stringify({ outcome, calls })))`,
}

// The cloud function that the page shows to be written in the place of cloudPay's closes the order
// in the name of its user.
func TestMigratingFromCloudPay(t *testing.T) {
	t.Parallel()
	wantNode(t)
	dir := t.TempDir()
	files := map[string]string{
		"index.js":                                   after(t, "From cloud.cloudPay"),
		"node_modules/cloudpay-drop-in/index.js":     read(t, "clients/node/index.js"),
		"node_modules/cloudpay-drop-in/package.json": read(t, "clients/node/package.json"),
	}
	maps.Copy(files, modules)
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "node", "run.js")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NODE_OPTIONS=", "CLOUDPAY_SERVICE_TOKEN=a-token-of-the-shop")
	printed, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	const want = `{"outcome":"closed","calls":[{"name":"closeorder","data":{"out_trade_no":"A1","sub_mch_id":"1900000109",` +
		`"nonce_str":"n1","at_once":"true","on_behalf_of":"wx:wx0123456789abcdef:oABC","service_token":"a-token-of-the-shop"}}]}`
	if diff := cmp.Diff(parsed(t, want), parsed(t, string(printed))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return value
}

// wantNode skips a test for want of Node.js, which in CI is a failure.
func wantNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("CI must have Node.js: internal/toolchain/install.sh receivers")
	}
	t.Skip("SKIPPED: Node.js is not installed, so the cloud function of " + migrating + " was not run")
}
