package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/telemetry/telemetrytest"
)

// shell is a terminal in the repository, with a folder of its own for what a document keeps in .cloudpay. This test binary is
// cloudpay there, so that nothing has to be compiled.
type shell struct {
	t          *testing.T
	folder     string
	ctx        context.Context
	in         io.WriteCloser
	out        *bufio.Reader
	transcript io.Writer
	substitute *strings.Replacer
	restore    *strings.Replacer
	servers    []*exec.Cmd
	// environment is what commands are given.
	environment []string
}

// address is a fixed one in a document, which may be taken on the machine that runs the tests.
var address = regexp.MustCompile(`127\.0\.0\.1:[89]\d\d\d\b`)

// asReader is how the shell differs from a reader's. The command is this test binary, and go builds nothing else here; invoke
// is for the emulator in the document's own folder; curl shows no progress, as it does not on a terminal.
const asReader = `
cloudpay() {
	case "$*" in
	"invoke "*--dir*) ;;
	"invoke "*) set -- "$@" --dir "$FOLDER" ;;
	esac
	"$COMMAND" "$@"
}
go() {
	case "$1 ${!#}" in
	"build ./cmd/cloudpay")
		while [ "$1" != -o ]; do shift; done
		ln -sf "$COMMAND" "$2"
		return ;;
	"run "*)
		shift
		if [ "$1" = -tags ]; then shift 2; fi
		if [ "$1" = ./cmd/cloudpay ]; then shift; cloudpay "$@"; return; fi ;;
	esac
	echo "a document's command is go $*, which this test does not know" >&2
	return 1
}
curl() { command curl -sS "$@"; }
`

func newShell(t *testing.T, text string) *shell {
	t.Helper()
	const longest = 8 * time.Minute // ends a hang, and nothing else
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	t.Cleanup(cancel)
	s := &shell{t: t, ctx: ctx, folder: filepath.Join(t.TempDir(), ".cloudpay"), transcript: telemetrytest.Output(t, telemetrytest.Terminal)}
	bin := filepath.Join(s.folder, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range functionNames() { // which emulate finds up to date then
		copyFile(t, filepath.Join(builtFunctions(t), name), filepath.Join(bin, name))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := filepath.Join(t.TempDir(), commandName) // by this name, TestMain is the command
	if err := os.Symlink(self, command); err != nil {
		t.Fatal(err)
	}
	s.swap(text)
	cmd := exec.CommandContext(ctx, "bash", "--noprofile", "--norc")
	s.environment = append(readersEnvironment(), "COMMAND="+command, "FOLDER="+s.folder)
	cmd.Dir, cmd.Env = repositoryRoot, s.environment
	s.in, s.out = s.start(cmd)
	t.Cleanup(func() {
		_ = s.in.Close()
		_ = cmd.Wait()
		inUse(t, s.folder)
	})
	if _, err := io.WriteString(s.in, asReader); err != nil {
		t.Fatal(err)
	}
	return s
}

// start starts a command whose output is one stream, as on a terminal.
func (s *shell) start(cmd *exec.Cmd) (io.WriteCloser, *bufio.Reader) {
	s.t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return in, bufio.NewReader(out)
}

// swap decides what stands in a command in place of what the document prints, and the reverse in what it answers.
func (s *shell) swap(text string) {
	s.t.Helper()
	swaps := map[string]string{".cloudpay": s.folder}
	for _, name := range functionNames() {
		swaps["dist/"+name+"/main"] = filepath.Join(builtFunctions(s.t), name)
	}
	for _, fixed := range address.FindAllString(text, -1) {
		if swaps[fixed] == "" {
			swaps[fixed] = freeAddress(s.t)
			_, port, _ := strings.Cut(fixed, ":")
			_, free, _ := strings.Cut(swaps[fixed], ":")
			swaps["PORT="+port] = "PORT=" + free
		}
	}
	there := []string{"$PWD/.cloudpay", s.folder}
	var back []string
	for _, name := range slices.Sorted(maps.Keys(swaps)) {
		there = append(there, name, swaps[name])
		if name != ".cloudpay" { // which is shown with the path of the reader's own
			back = append(back, swaps[name], name)
		}
	}
	s.substitute, s.restore = strings.NewReplacer(there...), strings.NewReplacer(back...)
}

// readersEnvironment is that of a reader who has configured nothing, and reads English.
func readersEnvironment() []string {
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		for _, prefix := range []string{"WXPAY_", "CLOUDPAY_", "LC_", "LANG", "TZ="} {
			if strings.HasPrefix(entry, prefix) {
				return true
			}
		}
		return false
	})
	return append(env, "LANG=C.UTF-8", "TZ=UTC")
}

// runs runs a command and returns all that it prints, and its exit code, which the next command finds in $?.
func (s *shell) runs(text string) (printed string, code int) {
	s.t.Helper()
	const mark = "\x01"
	command := s.substitute.Replace(text)
	_, _ = fmt.Fprintf(s.transcript, "$ %s\n", command)
	if _, err := fmt.Fprintf(s.in, "(exit ${code:-0})\n{ %s\n} < /dev/null\ncode=$?; printf '\\001%%d\\001' $code\n", command); err != nil {
		s.t.Fatal(err)
	}
	printed, err := s.out.ReadString(mark[0])
	end := ""
	if err == nil {
		end, err = s.out.ReadString(mark[0])
	}
	if err == nil {
		code, err = strconv.Atoi(strings.TrimSuffix(end, mark))
	}
	if err != nil {
		s.t.Fatalf("%s\nthe shell has ended: %v\n%s", text, err, printed)
	}
	_, _ = io.WriteString(s.transcript, printed)
	return s.restore.Replace(strings.TrimSuffix(printed, mark)), code
}

var (
	// serving is what goes on until it is interrupted, and isReady the line by which it says that it serves.
	serving = regexp.MustCompile(`\bcloudpay emulate\b|\bdist/\w+/main\b`)
	isReady = regexp.MustCompile(`cloudpay emulator ready|"msg":"serving HTTP`)
	// the words before which exec goes: variables that are set for one command stay before it.
	forOne  = regexp.MustCompile(`^(?:\w+=\S* )*`)
	running = regexp.MustCompile(`(?:go run (?:-tags \w+ )?\./cmd/)?\bcloudpay emulate\b`)
)

// serves starts a command that goes on until the document ends or another emulator is started, and returns what it prints until
// it is ready.
func (s *shell) serves(text string) string {
	s.t.Helper()
	if running.MatchString(text) {
		s.interrupt()
	}
	script := s.substitute.Replace(running.ReplaceAllString(text, `"$$COMMAND" emulate`))
	script = forOne.ReplaceAllString(script, "${0}exec ")
	cmd := exec.CommandContext(s.ctx, "bash", "-c", script)
	cmd.Dir, cmd.Env = repositoryRoot, s.environment
	_, out := s.start(cmd)
	s.servers = append(s.servers, cmd)
	var printed strings.Builder
	for {
		line, err := out.ReadString('\n')
		printed.WriteString(line)
		_, _ = io.WriteString(s.transcript, line)
		if err != nil {
			s.t.Fatalf("%s\nended without being ready: %v\n%s", text, err, printed.String())
		}
		if isReady.MatchString(line) {
			break
		}
	}
	go func() { _, _ = io.Copy(s.transcript, out) }() // ends with the command
	return s.restore.Replace(printed.String())
}

// interrupt ends what serves, as Ctrl-C does.
func (s *shell) interrupt() {
	for _, cmd := range s.servers {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}
	s.servers = nil
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

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o700); err != nil {
		t.Fatal(err)
	}
}
