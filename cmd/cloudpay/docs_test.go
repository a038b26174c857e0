package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// repositoryRoot is where the documents' commands are meant to be typed.
const repositoryRoot = "../.."

// notRun are the commands of documents that no test runs, each with why. A command that is neither
// run nor listed fails the test, and so does a row that no document needs any more.
var notRun = []struct{ path, begins, why string }{
	{"docs/deploy.md", "npm install -g", "it installs for the whole machine, from the network"},
	{"docs/deploy.md", "tcb ", "it needs an account at CloudBase"},
	{"docs/deploy.md", "cat > .env", "the reader types the file"},
	{"docs/deploy.md", "export WXPAY_MCHID=… ", "the reader has the values"},
	{"docs/deploy.md", "serverless deploy", "it needs an account at Tencent Cloud"},
	{"docs/deploy.md", "npx osls@4 deploy", "it needs an account at AWS; its packaging was tried by hand with osls 3 and 4"},
	{"docs/deploy.md", "aws lambda invoke", "it needs an account at AWS; bench/clients calls the emulated Lambda by AWS's SDK"},
	{"docs/containers.md", "docker ", "no container engine runs here; make test-killed runs the image's files"},
	{"docs/containers.md", "cat > .env", "the reader types the file"},
	{"docs/containers.md", "mkdir -m 700 secrets", "it makes a merchant's secrets; TestCompose has such files"},
	{"docs/containers.md", "cp apiclient_key.pem", "the reader has the keys"},
	{"docs/containers.md", "for token in", "it makes a merchant's secrets; TestCompose has such files"},
	{"docs/containers.md", "echo \"postgres://", "it makes a merchant's secrets; TestCompose has such files"},
	{"docs/containers.md", "chmod 444 secrets", "it makes a merchant's secrets; TestCompose has such files"},
	{"docs/containers.md", "kubectl ", "it needs a cluster; TestKubernetes parses the file"},
	{"docs/failover.md", "aws lambda invoke", "it needs an account at AWS; TestTimers of internal/trigger/event reads its payload"},
	{"docs/alarms.md", "for i in $(seq 0 13)", "it needs an account at Tencent Cloud; tests of internal/app evaluate the rules"},
	{"docs/alarms.md", "aws cloudformation deploy", "it needs an account at AWS; tests of internal/app evaluate the template"},
	{"README.md", "make module", "it renames the module; make test-module does that to a copy"},
	{"bench/README.md", "make bench ", "it measures for minutes"},
	{"bench/README.md", "make bench-growth", "it measures for minutes, beside a commit that the reader names"},
	{"bench/README.md", "make bench-store", "it measures for ten minutes"},
	{"bench/README.md", "make proof-year", "it takes half an hour; make test-sweep runs a hundredth of it"},
	{"bench/README.md", "cd bench && go test -count=1 -v ./seeded", "it takes minutes; make bench-test runs the same package"},
	{"bench/README.md", "cd bench && go test -tags databases", "it measures for a quarter of an hour, and asserts nothing"},
	{"bench/README.md", "cd bench && go test -run '^$' -bench . ./route", "it measures for a minute"},
	{"bench/README.md", "cd bench && go test -run '^$' -bench . -benchtime 500x ./attack", "it measures for half a minute; the tests of internal/app make the same attacks"},
	{"bench/README.md", "cd bench && go test -count=1 -v -run", "it is a test itself, which make bench-test runs"},
}

// Every command that a document prints is run, from top to bottom, and what it prints is compared
// with what the document shows (CONTRIBUTING.md, "Documents"). What serves goes on in the
// background until the document ends or another emulator is started. The targets of make are run by
// CI.
func TestDocuments(t *testing.T) {
	t.Parallel()
	listed := make([]bool, len(notRun))
	for _, d := range documents(t, repositoryRoot) {
		if d.isTranslation() {
			continue
		}
		commands := slices.DeleteFunc(d.commands(t), func(c typed) bool {
			row := d.notRun(c)
			if row >= 0 {
				listed[row] = true
			}
			return row >= 0 || d.made(t, c)
		})
		if len(commands) == 0 {
			continue
		}
		t.Run(strings.ReplaceAll(d.path, "/", "_"), func(t *testing.T) {
			t.Parallel()
			if serving.MatchString(d.text) {
				needSQLite(t) // the emulator keeps its orders in it
			}
			d.read(t, quickShell(t, d.text), commands)
		})
	}
	for i, row := range notRun {
		if !listed[i] {
			t.Errorf("%s has no command that begins with %q: take its row off the list", row.path, row.begins)
		}
	}
}

// The documents' commands work in a fresh clone, too, typed as they are by a reader with nothing
// but Go, git, make and curl.
func TestFreshClone(t *testing.T) {
	t.Parallel()
	if os.Getenv("CLOUDPAY_TEST_CLONE") == "" {
		t.Skip("SKIPPED: it compiles for minutes; make test-documents runs it")
	}
	source, err := filepath.Abs(repositoryRoot)
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(t.TempDir(), "cloudpay")
	if out, err := exec.CommandContext(t.Context(), "git", "clone", "-q", source, clone).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	for _, d := range documents(t, clone) {
		commands := slices.DeleteFunc(d.commands(t), func(c typed) bool {
			return d.notRun(c) >= 0 || strings.HasPrefix(c.text, "make ") && c.text != "make package" // what deploy.md goes on with
		})
		if len(commands) == 0 || d.isTranslation() {
			continue
		}
		t.Run(strings.ReplaceAll(d.path, "/", "_"), func(t *testing.T) {
			t.Cleanup(func() { _ = os.RemoveAll(filepath.Join(clone, ".cloudpay")) })
			d.read(t, newcomersShell(t, clone, d.text), commands)
		})
	}
	if out, err := exec.CommandContext(t.Context(), "git", "-C", clone, "status", "--short").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("after all commands git sees changes in the clone: %v\n%s", err, out)
	}
}

// isTranslation tells whether a document is a page in Chinese. Its blocks of code are those of its
// page in English: the tests of docs/ hold them together.
func (d document) isTranslation() bool { return strings.HasSuffix(d.path, ".zh.md") }

// notRun is the row of the list that a command is in; -1 when it is in none.
func (d document) notRun(c typed) int {
	return slices.IndexFunc(notRun, func(row struct{ path, begins, why string }) bool {
		return row.path == d.path && strings.HasPrefix(c.text, row.begins)
	})
}

// made tells whether a command is a target of make, and wants CI to make it.
func (d document) made(t *testing.T, c typed) bool {
	t.Helper()
	targets, is := strings.CutPrefix(c.text, "make ")
	if is && !slices.Contains(madeByCI(t), strings.Fields(targets)[0]) {
		t.Error(c.fault(d.path, "the Makefile has no such target that CI makes"))
	}
	return is
}

// commands are all that a document prints, in its order.
func (d document) commands(t *testing.T) []typed {
	t.Helper()
	var all []typed
	for _, b := range d.blocks {
		if err := b.check(); err != nil {
			t.Errorf("%s:%d: %v", d.path, b.line-1, err)
			continue
		}
		if !b.isCommands() {
			continue
		}
		commands, err := b.commands()
		if err != nil {
			t.Errorf("%s:%d: %v", d.path, b.line, err)
		}
		all = append(all, commands...)
	}
	return all
}

// read types what a document says.
func (d document) read(t *testing.T, s *shell, commands []typed) {
	t.Helper()
	defer s.interrupt()
	text := strings.Split(d.text, "\n")
	defer func() { d.update(t, text) }()
	failed, grown := "", 0
	for _, c := range commands {
		if failed != "" && !strings.Contains(c.text, "$?") {
			t.Error(failed)
		}
		failed = ""
		var printed string
		if serving.MatchString(c.text) {
			printed = s.serves(c.text)
		} else {
			var code int
			if printed, code = s.runs(c.text); code != 0 {
				failed = c.fault(d.path, "it ends with a code that the document does not show (echo $?)\n"+printed)
			}
			if c.bare && printed != "" && code == 0 && !strings.HasPrefix(c.text, "make ") {
				t.Error(c.fault(d.path, "a block of sh shows no results, and this prints some: make it a block of console\n"+printed))
			}
		}
		if c.bare {
			continue
		}
		if difference := compare(c.shown, printed); difference != "" {
			t.Error(c.fault(d.path, difference))
			from := c.line + strings.Count(c.text, "\n") + grown
			is := linesOf(printed)
			text = slices.Replace(text, from, from+len(c.shown), is...)
			grown += len(is) - len(c.shown)
		}
	}
	if failed != "" {
		t.Error(failed)
	}
}

var updateDocuments = flag.Bool("update", false, "write what commands print into the documents that show something else")

// update writes a document with the results that its commands have now.
func (d document) update(t *testing.T, text []string) {
	t.Helper()
	if now := strings.Join(text, "\n"); *updateDocuments && now != d.text {
		if err := os.WriteFile(filepath.Join(repositoryRoot, d.path), []byte(now), 0o600); err != nil {
			t.Error(err)
		}
	}
}

// fault says what is wrong with a command, and where it stands.
func (c typed) fault(path, what string) string {
	return path + ":" + strconv.Itoa(c.line) + ": $ " + c.text + "\n" + what
}

// madeByCI are the targets that .ci/run makes, and what they need or make themselves.
func madeByCI(t *testing.T) []string {
	t.Helper()
	ci, makefile := readRoot(t, ".ci/run"), readRoot(t, "Makefile")
	match := regexp.MustCompile(`(?m)^exec make ([a-z -]+)`).FindStringSubmatch(ci)
	if match == nil {
		t.Fatal(".ci/run: it makes nothing")
	}
	targets := strings.Fields(match[1])
	for i := 0; i < len(targets); i++ {
		rule := regexp.MustCompile(`(?m)^` + targets[i] + `:([^=#\n]*)(?:##.*)?\n((?:\t.*\n)*)`)
		for _, rule := range rule.FindAllStringSubmatch(makefile, -1) {
			needed := strings.Fields(rule[1])
			for _, made := range regexp.MustCompile(`\$\(MAKE\) ([a-z-]+)`).FindAllStringSubmatch(rule[2], -1) {
				needed = append(needed, made[1])
			}
			for _, target := range needed {
				if !slices.Contains(targets, target) {
					targets = append(targets, target)
				}
			}
		}
	}
	return targets
}

func readRoot(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repositoryRoot, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
