package containertest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// isolated starts a process with file systems and process numbers of its own. A test that is not
// root is, in a user namespace, the one user of the container.
func isolated(s spec) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL, Setpgid: true,
	}
	if os.Geteuid() == 0 {
		return attr
	}
	uid, gid, err := ids(s.User)
	if err != nil {
		uid, gid = 0, 0 // enter reports the error
	}
	attr.Cloneflags |= unix.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: os.Getgid(), Size: 1}}
	attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN} // to mount; enter gives it back
	return attr
}

// ids reads UID:GID; empty is root.
func ids(user string) (uid, gid int, err error) {
	if user == "" {
		return 0, 0, nil
	}
	u, g, both := strings.Cut(user, ":")
	if uid, err = strconv.Atoi(u); err == nil && both {
		gid, err = strconv.Atoi(g)
	}
	if err != nil || !both {
		return 0, 0, fmt.Errorf("the user %q is not UID:GID in digits", user)
	}
	return uid, gid, nil
}

// enter makes this process the program of a container.
func enter(s spec) error {
	runtime.LockOSThread() // what is set for one thread holds for the program that it becomes
	uid, gid, err := ids(s.User)
	if err != nil {
		return err
	}
	if err := changeRoot(s); err != nil {
		return err
	}
	if err := dropRights(uid, gid); err != nil {
		return err
	}
	if err := os.Chdir(s.Dir); err != nil {
		return err
	}
	program, err := lookup(s)
	if err != nil {
		return err
	}
	return fmt.Errorf("starting %s: %w", program, unix.Exec(program, s.Args, s.Env))
}

// changeRoot makes the container's folder the root of all that this process sees.
func changeRoot(s spec) error {
	steps := []struct {
		what string
		do   func() error
	}{
		{"keeping mounts to itself", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"binding the root", func() error { return unix.Mount(s.Root, s.Root, "", unix.MS_BIND|unix.MS_REC, "") }},
		{"binding folders", func() error { return bind(s) }},
		{"making the root read-only", func() error {
			if s.Writable {
				return nil
			}
			const flags = unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV
			return unix.Mount("", s.Root, "", flags, "")
		}},
		{"entering the root", func() error { return os.Chdir(s.Root) }},
		{"changing the root", func() error { return unix.PivotRoot(".", ".") }},
		{"leaving the old root", func() error { return unix.Unmount(".", unix.MNT_DETACH) }},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// bind binds folders of the machine into the container's root.
func bind(s spec) error {
	for _, place := range slices.Sorted(maps.Keys(s.Binds)) {
		target := filepath.Join(s.Root, place)
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(s.Binds[place], target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
	}
	return nil
}

// dropRights makes this thread the container's user, without capabilities and with no way to get
// any. It goes on to die with the test, which a change of the user would end.
func dropRights(uid, gid int) error {
	if os.Getuid() != uid {
		if err := unix.Setgroups(nil); err != nil {
			return fmt.Errorf("leaving all groups: %w", err)
		}
		if err := unix.Setresgid(gid, gid, gid); err != nil {
			return fmt.Errorf("becoming group %d: %w", gid, err)
		}
		if err := unix.Setresuid(uid, uid, uid); err != nil {
			return fmt.Errorf("becoming user %d: %w", uid, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("giving back capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("renouncing new privileges: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("tying itself to the test: %w", err)
	}
	return nil
}

// need skips a test where the kernel, or the container in which the test itself runs, allows no
// namespaces. That cannot be mended by installing anything, so it is no failure under CI=true. The
// container that it tries is empty: its one error is that there is no program.
func need(t testing.TB) {
	t.Helper()
	c := &Container{spec: spec{Root: t.TempDir(), User: "65532:65532", Dir: "/", Args: []string{"/none"}}}
	out, err := c.Command(t.Context()).CombinedOutput()
	if !strings.Contains(string(out), "starting /none") {
		t.Skipf("SKIPPED, the image was not tried: this machine allows no containers: %v %s", err, out)
	}
}
