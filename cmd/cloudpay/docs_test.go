package main

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// repositoryRoot is where the documents' commands are meant to be typed.
const repositoryRoot = "../.."

// withSQLite is how a document runs the command where orders are kept.
const withSQLite = "go run -tags sqlite ./cmd/cloudpay"

// shellBlock is a fenced block that a reader is meant to type.
var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// address is a fixed one in a document, which may be taken on the machine that
// runs the tests.
var address = regexp.MustCompile(`127\.0\.0\.1:86\d\d`)

// documents are all texts for readers.
func documents(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "bench/*.md"} {
		matches, err := filepath.Glob(filepath.Join(repositoryRoot, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, matches...)
	}
	if len(files) < 5 {
		t.Fatalf("found only %v", files)
	}
	return files
}

// Every command that a document prints is run, in order: what serves goes on in
// the background until the document ends. The targets of make are run by CI, and
// here only checked to exist.
func TestDocumentsCommands(t *testing.T) {
	t.Parallel()
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		blocks := shellBlock.FindAllStringSubmatch(string(text), -1)
		if len(blocks) == 0 {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			if strings.Contains(string(text), withSQLite) {
				needSQLite(t)
			}
			reader := newReader(t, string(text))
			for _, block := range blocks {
				reader.types(block[1])
			}
		})
	}
}

// reader does what a document says.
type reader struct {
	t          *testing.T
	dir        string
	substitute *strings.Replacer
	targets    string
}

func newReader(t *testing.T, text string) *reader {
	t.Helper()
	makefile, err := os.ReadFile(filepath.Join(repositoryRoot, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t, dir: t.TempDir(), targets: string(makefile)}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := filepath.Join(r.dir, commandName) // by this name, TestMain is the command
	if err := os.Symlink(self, command); err != nil {
		t.Fatal(err)
	}
	swaps := []string{" .cloudpay", " " + filepath.Join(r.dir, "emulator"), "go run ./cmd/cloudpay", command, withSQLite, command}
	for _, fixed := range slices.Compact(slices.Sorted(slices.Values(address.FindAllString(text, -1)))) {
		swaps = append(swaps, fixed, freeAddress(t))
	}
	r.substitute = strings.NewReplacer(swaps...)
	return r
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func (r *reader) types(block string) {
	r.t.Helper()
	var script []string
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(line)
		if target, isMake := strings.CutPrefix(line, "make "); isMake {
			r.wantTarget(strings.Fields(target)[0])
			continue
		}
		script = append(script, r.substitute.Replace(r.inDir(line)))
	}
	text := strings.Join(script, "\n")
	switch {
	case strings.TrimSpace(text) == "":
	case strings.Contains(text, " emulate"):
		r.serves(text)
	default:
		r.runs(text)
	}
}

// inDir makes explicit which emulator an invoke is for: the document's.
func (r *reader) inDir(line string) string {
	if strings.Contains(line, "cloudpay invoke") && !strings.Contains(line, "--dir") {
		return line + " --dir .cloudpay"
	}
	return line
}

func (r *reader) wantTarget(target string) {
	r.t.Helper()
	if !strings.Contains(r.targets, "\n"+target+":") {
		r.t.Errorf("make %s: the Makefile has no such target", target)
	}
}

// command is a shell in the repository, where this test binary is cloudpay.
func (r *reader) command(script string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(r.t.Context(), 8*time.Minute)
	r.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", strings.ReplaceAll(script, "curl ", "curl --fail-with-body -sS "))
	cmd.Dir = repositoryRoot
	return cmd
}

func (r *reader) runs(script string) {
	r.t.Helper()
	out, err := r.command(script).CombinedOutput()
	if err != nil {
		r.t.Errorf("%s\n%v\n%s", script, err, out)
	}
}

// serves starts a command that goes on, and waits until it says that it is ready.
func (r *reader) serves(script string) {
	r.t.Helper()
	cmd := r.command("exec " + strings.TrimSpace(script))
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "ready") {
			return
		}
	}
	r.t.Fatalf("%s\nended without being ready", script)
}
