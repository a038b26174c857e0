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

// server is a database server of ours.
type server struct {
	// address is the store's address of a database in it; admin is the database that is always there.
	address func(database string) string
	admin   string
	// home is the question for the folder that its files are in, by which it is told from others of its kind.
	home string
	// lives is where that is; dir when empty.
	lives string
	// fatal is the signal that ends it as a crash does: without a word to disk. PostgreSQL's processes are many, and only the
	// first of them can be signalled.
	fatal syscall.Signal

	dir     string
	program string
	args    []string
	log     *output
	cmd     *exec.Cmd
	exited  chan struct{}
}

// missingError: a server's programs are not on this machine.
type missingError struct{ program string }

func (e *missingError) Error() string {
	return e.program + " is not installed: `make test-databases` installs it (Debian: postgresql, pgbouncer, mariadb-server)"
}

// find finds a program of a server's, which distributions put outside of PATH.
func find(program string, folders ...string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		// Debian's pg_wrapper looks for a server of its own making.
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

// portAttempts is how often a server is started anew when another program took its port in between.
const portAttempts = 5

// startIn starts a server in a folder of its own, and waits until it answers.
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

// startOnce is startIn on one port.
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

// makeFolder makes a folder for a database. Of root's temporary folders it takes one that the server's user may enter.
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
		dir, err = filepath.EvalSymlinks(dir) // as the server tells it
	}
	if err != nil {
		return "", fmt.Errorf("making a folder for a database: %w", err)
	}
	return dir, nil
}

// othersMayEnter tells whether a folder and those above it are open to all users.
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

// patience is how long a server may take to start or to stop.
const patience = time.Minute

// endedError: a server ended by itself.
type endedError struct{ program, said string }

func (e *endedError) Error() string { return e.program + " ended: " + e.said }

// portTaken tells whether it ended because another program listens on its port.
func (e *endedError) portTaken() bool { return strings.Contains(e.said, "Address already in use") }

// await returns when the server answers.
func (s *server) await() error {
	connector, _, err := store.Connector(s.address(s.admin))
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", s.cmd.Path, err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		var home string
		err = db.QueryRowContext(ctx, s.home).Scan(&home)
		if err == nil && filepath.Dir(filepath.Clean(home)) == cmp.Or(s.lives, s.dir) {
			return nil
		}
		if err == nil { // ours will end for want of the port
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

// stop ends the server, as quickly as it can be done, and removes what it wrote.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-s.exited:
	case <-time.After(patience / 12):
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

// restart starts a server that crashed, at the port it had, and waits until it answers. Another program may use the port
// for a moment.
func (s *server) restart() error {
	for deadline := time.Now().Add(patience); ; {
		err := s.start()
		if err == nil {
			err = s.await()
		}
		var ended *endedError
		if !errors.As(err, &ended) || !ended.portTaken() || time.Now().After(deadline) {
			return err
		}
		<-time.After(patience / 60) // for the port
	}
}

// supervised starts a program; exited is closed when it has ended. It holds one thread all that time: on Linux a child that
// is to die with its parent dies with the parent's thread that started it (prctl(2), PR_SET_PDEATHSIG).
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
			_ = cmd.Wait() // ProcessState says it better
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	return exited, nil
}

// crash ends the server in the midst of what it does. What it wrote stays, and start goes on from there.
func (s *server) crash() error {
	if err := s.cmd.Process.Signal(s.fatal); err != nil {
		return fmt.Errorf("ending %s: %w", s.program, err)
	}
	select {
	case <-s.exited:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s goes on after signal %v: %s", s.program, s.fatal, s.log)
	}
}

// prepare runs a program that makes a server's files.
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

// command is a program to be run in a folder that belongs to its user: database servers refuse to be root.
func command(dir string, log *output, program string, args ...string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(context.Background(), program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC", "HOME="+dir)
	cmd.SysProcAttr = dieWithUs()
	if os.Geteuid() != 0 {
		return cmd, nil
	}
	uid, gid, err := nobody()
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return nil, fmt.Errorf("giving a database its folder: %w", err)
	}
	return cmd, nil
}

func nobody() (uid, gid uint32, err error) {
	account, err := user.Lookup("nobody")
	if err != nil {
		return 0, 0, fmt.Errorf("finding a user that is not root: %w", err)
	}
	u, err1 := strconv.ParseUint(account.Uid, 10, 32)
	g, err2 := strconv.ParseUint(account.Gid, 10, 32)
	return uint32(u), uint32(g), errors.Join(err1, err2)
}

// Ports come from below the ranges from which Linux (32768 up) and macOS (49152 up) serve outgoing connections and listeners
// on port 0: from those, any connection on the machine might take a server's port before it has started, or between its crash
// and its restart.
const firstPort, portCount = 20000, 12000

// freePort is one that was free a moment ago.
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

// output keeps the end of what a program says.
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
