package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
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
	return e.program + " is not installed: `make test-databases` installs it (Debian: postgresql, mariadb-server)"
}

// find finds a program of a server's, which distributions put outside of PATH.
func find(program string, folders ...string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		if target, err := filepath.EvalSymlinks(path); err == nil {
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

// startIn starts a server in a folder of its own, and waits until it answers.
func startIn(start func(dir string) (*server, error)) (*server, error) {
	dir, err := os.MkdirTemp("", "cloudpay-database-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for a database: %w", err)
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

// patience is how long a server may take to start or to stop.
const patience = time.Minute

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
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("%s ended: %s", s.cmd.Path, s.log)
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
	s := &server{dir: dir, program: program, args: args, log: new(output), fatal: syscall.SIGKILL}
	return s, s.start()
}

func (s *server) start() error {
	cmd, err := command(s.dir, s.log, s.program, s.args...)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", s.program, err)
	}
	exited := make(chan struct{})
	s.cmd, s.exited = cmd, exited
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	return nil
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
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, log)
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

// freePort is one that was free a moment ago.
func freePort() (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
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
