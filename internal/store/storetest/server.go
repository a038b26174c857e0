package storetest

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"cloudpay/internal/store"
)

// server is a database server that the test has started.
type server struct {
	// address returns the store's address of a database; admin is the database that always exists.
	address func(database string) string
	admin   string
	// home is the query for the folder of its files, which tells it from other servers of its kind.
	home string
	// lives is that folder's parent; dir if empty.
	lives string
	// fatal is the signal that ends it like a crash, without writing to disk. For PostgreSQL it
	// goes to the first of its processes, which ends the others.
	fatal syscall.Signal

	// flushing are the arguments with which it writes each commit to the disk.
	flushing []string

	dir     string
	program string
	args    []string
	log     *output
	cmd     *exec.Cmd
	exited  chan struct{}
}

// missingError means that a server's program is not installed.
type missingError struct{ program string }

func (e *missingError) Error() string {
	return e.program + " is not installed: `make test-databases` installs it (Debian: postgresql, pgbouncer, mariadb-server)"
}

// find finds a server's program. Distributions install it outside of PATH.
func find(program string, folders ...string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		// Debian's pg_wrapper works only with servers that it has created.
		if target, err := filepath.EvalSymlinks(path); err == nil && filepath.Base(target) != "pg_wrapper" {
			return target, nil
		}
	}
	for _, folder := range folders {
		if found, err := filepath.Glob(filepath.Join(folder, program)); err == nil && len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	return "", &missingError{program: program}
}

// portAttempts bounds the starts of a server whose port another program has taken.
const portAttempts = 5

// startIn starts a server in a new folder and waits until it answers.
func startIn(start func(dir string) (*server, error)) (*server, error) {
	for attempt := 1; ; attempt++ {
		s, err := startOnce(start)
		var ended *endedError
		if errors.As(err, &ended) && ended.portTaken() && attempt < portAttempts {
			continue
		}
		return s, err
	}
}

// startOnce is startIn with one port.
func startOnce(start func(dir string) (*server, error)) (*server, error) {
	dir, err := makeFolder()
	if err != nil {
		return nil, err
	}
	s, err := start(dir)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	if err := s.await(); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// makeFolder creates a folder for a database. For root, whose servers run as another user, it must
// be in a temporary folder that other users may enter.
func makeFolder() (string, error) {
	parent := os.TempDir()
	if os.Geteuid() == 0 && !othersMayEnter(parent) {
		const usual = "/tmp"
		if !othersMayEnter(usual) {
			return "", fmt.Errorf("making a folder for a database, which does not run as root: no other user may enter %s or %s: set TMPDIR to a folder that others may enter",
				parent, usual)
		}
		parent = usual
	}
	dir, err := os.MkdirTemp(parent, "cloudpay-database-")
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir) // as the server names it
	}
	if err != nil {
		return "", fmt.Errorf("making a folder for a database: %w", err)
	}
	return dir, nil
}

// othersMayEnter reports whether all users may enter a folder and its parents.
func othersMayEnter(folder string) bool {
	path, err := filepath.EvalSymlinks(folder)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return false
	}
	for ; ; path = filepath.Dir(path) {
		const enter = 0o001
		info, err := os.Stat(path)
		if err != nil || info.Mode()&enter == 0 {
			return false
		}
		if path == filepath.Dir(path) {
			return true
		}
	}
}

// timeout bounds how long a server takes to start or to stop.
const timeout = time.Minute

// endedError means that a server ended by itself.
type endedError struct{ program, said string }

func (e *endedError) Error() string { return e.program + " ended: " + e.said }

// portTaken reports whether it ended because another program listens at its port.
func (e *endedError) portTaken() bool { return strings.Contains(e.said, "Address already in use") }

// await waits until the server answers.
func (s *server) await() error {
	connector, _, err := store.Connector(s.address(s.admin))
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", s.cmd.Path, err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		var home string
		err = db.QueryRowContext(ctx, s.home).Scan(&home)
		if err == nil && filepath.Dir(filepath.Clean(home)) == cmp.Or(s.lives, s.dir) {
			return nil
		}
		if err == nil { // another server has the port, and ours will end
			err = fmt.Errorf("the server of %s answers on its port", home)
		}
		select {
		case <-s.exited:
			return &endedError{program: s.cmd.Path, said: s.log.String()}
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w: %s", s.cmd.Path, err, s.log)
		case <-again.C:
		}
	}
}

// stop ends the server quickly and removes its files.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-s.exited:
	case <-time.After(timeout / 12):
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	_ = os.RemoveAll(s.dir)
}

// run starts a server's process.
func run(dir, program string, args ...string) (*server, error) {
	s := &server{dir: dir, program: program, args: args, fatal: syscall.SIGKILL}
	return s, s.start()
}

func (s *server) start() error {
	s.log = new(output)
	cmd, err := command(s.dir, s.log, s.program, s.args...)
	if err != nil {
		return err
	}
	exited, err := supervised(cmd)
	if err != nil {
		return err
	}
	s.cmd, s.exited = cmd, exited
	return nil
}

// restart starts a crashed server at its old port and waits until it answers. Another program may
// use the port for a moment.
func (s *server) restart() error {
	for deadline := time.Now().Add(timeout); ; {
		err := s.start()
		if err == nil {
			err = s.await()
		}
		var ended *endedError
		if !errors.As(err, &ended) || !ended.portTaken() || time.Now().After(deadline) {
			return err
		}
		<-time.After(timeout / 60) // until the port is free
	}
}

// supervised starts a program; exited is closed when it has ended. It locks one thread until then:
// on Linux, a child with PR_SET_PDEATHSIG (prctl(2)) dies with the thread that started it.
func supervised(cmd *exec.Cmd) (exited chan struct{}, err error) {
	exited = make(chan struct{})
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(exited)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // ProcessState has the result
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	return exited, nil
}

// crash kills the server. Its files stay, and start continues with them.
func (s *server) crash() error {
	if err := s.cmd.Process.Signal(s.fatal); err != nil {
		return fmt.Errorf("ending %s: %w", s.program, err)
	}
	select {
	case <-s.exited:
		return nil
	case <-time.After(timeout):
		return fmt.Errorf("%s goes on after signal %v: %s", s.program, s.fatal, s.log)
	}
}

// prepare runs a program that creates a server's files.
func prepare(dir, program string, args ...string) error {
	log := new(output)
	cmd, err := command(dir, log, program, args...)
	if err != nil {
		return err
	}
	exited, err := supervised(cmd)
	if err != nil {
		return err
	}
	<-exited
	if !cmd.ProcessState.Success() {
		return fmt.Errorf("%s in %s: %v: %s", program, dir, cmd.ProcessState, log)
	}
	return nil
}

// command is a program with a folder of its own. For root it runs as another user, who owns the
// folder: database servers refuse to run as root.
func command(dir string, log *output, program string, args ...string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(context.Background(), program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC", "HOME="+dir)
	cmd.SysProcAttr = dieWithUs()
	if os.Geteuid() != 0 {
		return cmd, nil
	}
	uid, gid, err := unprivileged()
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return nil, fmt.Errorf("giving a database its folder: %w", err)
	}
	return cmd, nil
}

// unprivileged returns the IDs of the user that owns nothing.
func unprivileged() (uid, gid uint32, err error) {
	account, err := user.Lookup("nobody")
	if err != nil {
		return 0, 0, fmt.Errorf("finding a user that is not root: %w", err)
	}
	u, err1 := strconv.ParseUint(account.Uid, 10, 32)
	g, err2 := strconv.ParseUint(account.Gid, 10, 32)
	return uint32(u), uint32(g), errors.Join(err1, err2)
}

// Ports are below the ranges that Linux (from 32768) and macOS (from 49152) use for outgoing
// connections and listeners on port 0. Otherwise any connection of the machine might take a
// server's port before it has started, or between its crash and its restart.
const firstPort, portCount = 20000, 12000

// freePort returns a port that was free a moment ago.
func freePort() (string, error) {
	var config net.ListenConfig
	var err error
	for range 100 {
		port := strconv.Itoa(firstPort + rand.IntN(portCount))
		var listener net.Listener
		if listener, err = config.Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return port, listener.Close()
		}
	}
	return "", fmt.Errorf("looking for a free port of 127.0.0.1 between %d and %d: %w", firstPort, firstPort+portCount, err)
}

// output keeps the end of a program's output.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	const most = 8 << 10
	o.text.Write(p)
	if excess := o.text.Len() - most; excess > 0 {
		o.text.Next(excess)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
