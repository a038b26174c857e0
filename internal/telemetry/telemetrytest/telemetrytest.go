// Package telemetrytest lets tests be searched for leaks. Each test writes down what came out of
// the product (logs, replies, errors, what a command printed) and which secrets went in; afterwards
// internal/toolchain/leakcheck searches the one for the other. `make test` runs it.
//
// The environment variable CLOUDPAY_TEST_OUTPUT names the folder. Without it everything here does
// nothing, so that `go test` leaves no files behind.
//
// The folder has
//
//	secrets/PROGRAM-PID.txt             a line for each secret: its kind, its scope, its base64
//	output/FORM/PROGRAM-PID/TEST-n.txt  what came out, unchanged
//	output/errors/PROGRAM-PID.txt       a line for each error: its test, its text
//
// Each writer has a file of its own, because tests run in parallel: two writers of one file would
// split the texts that are searched for.
package telemetrytest

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// variable names the folder; empty: nothing is written.
const variable = "CLOUDPAY_TEST_OUTPUT"

// Kind is the kind of a secret.
type Kind string

// The kinds. Identity is an openid, and Signature the gateway's or ours. A reply may contain these
// two, for their owner; logs and errors may not.
const (
	V2Key      Kind = "v2-key"
	V3Key      Kind = "v3-key"
	PrivateKey Kind = "private-key" // PEM
	Token      Kind = "token"
	Identity   Kind = "identity"
	Signature  Kind = "signature"
)

// scope is the output that must not contain a secret of that kind.
func (k Kind) scope() string {
	if k == Identity || k == Signature {
		return "logs"
	}
	return "all"
}

// Form is the kind of an output.
type Form string

// The forms. Logs and Errors are for operators, Replies for callers; Terminal is what a command
// prints.
const (
	Logs     Form = "logs"
	Errors   Form = "errors"
	Replies  Form = "replies"
	Terminal Form = "terminal"
)

// shortest is the fewest bytes of a secret: a shorter one would be found by chance.
const shortest = 16

// common is the hexadecimal digits in their order, which appids, nonces and trace ids of many tests
// hold: a secret that holds them too would be found in all of them.
const common = "0123456789abcdef"

// seen holds the lines that this process has written: most tests use the same few secrets.
var seen sync.Map

// Secret records a secret that the test uses.
func Secret(t testing.TB, kind Kind, value string) {
	t.Helper()
	dir := os.Getenv(variable)
	if dir == "" || value == "" {
		return
	}
	if len(value) < shortest {
		t.Fatalf("telemetrytest: a secret of %d bytes is too short to be looked for, give at least %d", len(value), shortest)
	}
	if strings.Contains(strings.ToLower(value), common) {
		t.Fatalf("telemetrytest: a secret with %q in it would be found wherever a test has that; use another", common)
	}
	if block, _ := pem.Decode([]byte(value)); kind == PrivateKey && block == nil {
		t.Fatalf("telemetrytest: a private key is looked for by its secret numbers, give it as PEM")
	}
	line := fmt.Sprintf("%s %s %s\n", kind, kind.scope(), base64.StdEncoding.EncodeToString([]byte(value)))
	file := filepath.Join(dir, "secrets", program()+".txt")
	if _, before := seen.LoadOrStore(file+line, true); before {
		return
	}
	if err := write(file, []byte(line)); err != nil {
		t.Fatalf("telemetrytest: %v", err)
	}
}

// written counts the files of this process, for their names.
var written atomic.Int64

// Output returns a writer whose bytes are searched. It is safe for concurrent use, and outlives the
// test.
func Output(t testing.TB, form Form) io.Writer {
	t.Helper()
	dir := os.Getenv(variable)
	if dir == "" {
		return io.Discard
	}
	name := fmt.Sprintf("%s-%d.txt", plain(t.Name()), written.Add(1))
	return output{file: filepath.Join(dir, "output", string(form), program(), name)}
}

// Error records an error that the product returned; nil is none.
func Error(t testing.TB, err error) {
	t.Helper()
	dir := os.Getenv(variable)
	if dir == "" || err == nil {
		return
	}
	line := t.Name() + ": " + err.Error() + "\n"
	if failed := write(filepath.Join(dir, "output", string(Errors), program()+".txt"), []byte(line)); failed != nil {
		t.Fatalf("telemetrytest: %v", failed)
	}
}

// output is a file by its name. It is opened for each Write, so that a writer need not be closed
// and can outlive its test.
type output struct{ file string }

func (o output) Write(p []byte) (int, error) {
	if err := write(o.file, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// writing serialises writes, which are small and rare.
var writing sync.Mutex

// write appends to a file, and creates it and its folder if needed.
func write(name string, p []byte) error {
	writing.Lock()
	defer writing.Unlock()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("making a folder for what tests write: %w", err)
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening what a test writes: %w", err)
	}
	if _, err := file.Write(p); err != nil {
		_ = file.Close() // the error that matters is the first
		return fmt.Errorf("writing what a test writes: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("closing what a test writes: %w", err)
	}
	return nil
}

// program names this process among the others that write into the folder.
func program() string { return fmt.Sprintf("%s-%d", plain(filepath.Base(os.Args[0])), os.Getpid()) }

// plain makes a file name of a test's name.
func plain(name string) string {
	const longest = 80
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("-._", r) || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
	return name[:min(len(name), longest)]
}
