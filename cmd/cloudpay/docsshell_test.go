package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/ports"
	"cloudpay/internal/telemetry/telemetrytest"
)

// shell is a terminal at the root of the repository.
type shell struct {
	t *testing.T

	root, folder string // folder is what documents call .cloudpay
	environment  []string
	prelude      string

	ctx        context.Context
	in         io.WriteCloser
	out        *bufio.Reader
	transcript io.Writer
	servers    []*exec.Cmd
	// substitute puts what is so here in place of what a document prints; restore does the reverse
	// with answers.
	substitute, restore *strings.Replacer
}

// address is a fixed one in a document, which may be taken on the machine that runs the tests.
var address = regexp.MustCompile(`127\.0\.0\.1:[89]\d\d\d\b`)

// portsOfEmulator are how many an emulator counts from its base.
const portsOfEmulator = 6

// quiet has curl show no progress, as it does not on a terminal.
const quiet = `
curl() { command curl -sS "$@"; }
`

// uncompiled is how the shell of a quick test differs from a reader's. The command is this test
// binary, and go builds nothing else here; invoke is for the emulator in the document's own folder.
const uncompiled = quiet + `
cloudpay() {
	case "$*" in
	"invoke "*--emulator*|"emulate "*--dir*) ;;
	"invoke "*) set -- "$@" --emulator "$FOLDER" ;;
	"emulate "*) set -- "$@" --dir "$FOLDER" ;;
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
`

// quickShell is a shell in this repository, with a folder of its own, where nothing has to be
// compiled.
func quickShell(t *testing.T, text string) *shell {
	t.Helper()
	folder := filepath.Join(t.TempDir(), ".cloudpay")
	bin := filepath.Join(folder, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	swaps := map[string]string{".cloudpay": folder, "$PWD/.cloudpay": folder}
	for _, name := range append(desk.Functions(), "web") {
		built := filepath.Join(builtFunctions(t), name)
		copyFile(t, built, filepath.Join(bin, name)) // which emulate finds up to date then
		swaps["dist/"+name+"/main"] = built
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := filepath.Join(t.TempDir(), commandName) // by this name, TestMain is the command
	if err := os.Symlink(self, command); err != nil {
		t.Fatal(err)
	}
	s := &shell{
		t: t, root: repositoryRoot, folder: folder, prelude: uncompiled,
		environment: append(readersEnvironment(), "COMMAND="+command, "FOLDER="+folder),
	}
	return s.open(text, swaps)
}

// newcomersShell is a shell in a clone, where commands are what they are, but for the ports, which
// may be taken.
func newcomersShell(t *testing.T, root, text string) *shell {
	t.Helper()
	s := &shell{t: t, root: root, folder: filepath.Join(root, ".cloudpay"), prelude: quiet, environment: readersEnvironment()}
	return s.open(text, map[string]string{})
}

// open starts the shell for a document with that text.
func (s *shell) open(text string, swaps map[string]string) *shell {
	s.t.Helper()
	const longest = 8 * time.Minute // ends a hang, and nothing else
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithTimeout(s.t.Context(), longest)
	s.t.Cleanup(cancel)
	s.transcript = telemetrytest.Output(s.t, telemetrytest.Terminal)
	s.swap(text, swaps)
	cmd := exec.CommandContext(s.ctx, "bash", "--noprofile", "--norc")
	s.in, s.out = s.start(cmd)
	s.t.Cleanup(func() {
		_ = s.in.Close()
		_ = cmd.Wait()
		inUse(s.t, s.folder)
	})
	if _, err := io.WriteString(s.in, s.prelude); err != nil {
		s.t.Fatal(err)
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
	cmd.Dir, cmd.Env = s.root, s.environment
	inOwnGroup(cmd)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return in, bufio.NewReader(out)
}

// swap decides what stands in a command in place of what the document prints: besides the swaps
// given, ports that are free.
func (s *shell) swap(text string, swaps map[string]string) {
	s.t.Helper()
	base := freePorts(s.t, portsOfEmulator)
	for offset := range portsOfEmulator {
		swaps[ports.Numbered(ports.Base, offset)] = ports.Numbered(base, offset)
	}
	for _, serves := range []string{"cloudpay emulate --", "cloudpay gateway --"} {
		swaps[serves] = fmt.Sprintf("%sport-base %d --", serves, base)
	}
	for _, fixed := range address.FindAllString(text, -1) {
		if swaps[fixed] == "" {
			swaps[fixed] = freeAddress(s.t)
			_, port, _ := strings.Cut(fixed, ":")
			_, free, _ := strings.Cut(swaps[fixed], ":")
			swaps["PORT="+port] = "PORT=" + free
		}
	}
	var there, back []string
	for _, name := range slices.Sorted(maps.Keys(swaps)) { // $PWD/.cloudpay before .cloudpay
		there = append(there, name, swaps[name])
		if swaps[name] != s.folder { // which a reader sees with the path of their own
			back = append(back, swaps[name], name)
		}
	}
	s.substitute, s.restore = strings.NewReplacer(there...), strings.NewReplacer(back...)
}

// readersEnvironment is that of a reader with nothing configured, in English.
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

// runs runs a command and returns all that it prints, and its exit code, which the next command
// finds in $?.
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
	// serving is what goes on until it is interrupted, and isReady the line by which it says that
	// it serves.
	serving = regexp.MustCompile(`\bcloudpay (emulate|gateway) --|\bdist/\w+/main\b`)
	isReady = regexp.MustCompile(`cloudpay (emulator|gateway) ready|"msg":"serving HTTP`)
	// emulating is an emulator, of which one at a time uses a folder.
	emulating = regexp.MustCompile(`\bcloudpay (emulate|gateway) --`)
)

// serves starts a command that goes on until the document ends or another emulator is started, and
// returns what it prints until it is ready.
func (s *shell) serves(text string) string {
	s.t.Helper()
	if emulating.MatchString(text) {
		s.interrupt()
	}
	script := s.prelude + "\n" + s.substitute.Replace(text) // which has the functions of the shell, and its PATH
	path, _ := s.runs(`printf %s "$PATH"`)
	cmd := exec.CommandContext(s.ctx, "env", "PATH="+path, "bash", "-c", script)
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
		interruptGroup(cmd)
		_ = cmd.Wait()
	}
	s.servers = nil
}

// freeAddress is one that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	return ports.Numbered(freePorts(t, 1), 0)
}

// freePorts is the first of so many ports in a row that nothing listens on. They are below those
// that systems choose when any will do, and no other test of this process gets them, so that they
// are still free when a command takes them.
func freePorts(t *testing.T, count int) int {
	t.Helper()
	const lowest, span, attempts = 12000, 7000, 1000
	for range attempts {
		base := lowest + (int(portsTaken.Add(int64(count)))-count)%span
		var list []ports.Place
		for offset := range count {
			list = append(list, ports.Place{Name: strconv.Itoa(offset), Address: ports.Numbered(base, offset)})
		}
		if reserved, err := ports.Reserve(t.Context(), list...); err == nil {
			reserved.Close()
			return base
		}
	}
	t.Fatal("no ports are free")
	return 0
}

// portsTaken counts the ports that tests were given, from somewhere on: another process may run the
// same tests.
var portsTaken = func() *atomic.Int64 {
	var taken atomic.Int64
	taken.Store(rand.Int64N(7000))
	return &taken
}()

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
