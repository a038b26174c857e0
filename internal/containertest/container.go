package containertest

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Settings are what an engine is told about one container.
type Settings struct {
	// Command is run in place of the image's; empty: the image's.
	Command []string
	// Env is set beside the image's environment, in the form of os.Environ.
	Env []string
	// Files are put into the container's root, with the mode 0444, by their paths: the secrets and
	// the configuration that an engine mounts.
	Files map[string]string
	// Links are symbolic links there: path → target.
	Links map[string]string
}

// Container is a program with a root of its own. It can be run again, as an engine restarts it.
type Container struct{ spec spec }

// spec is all that the process of a container needs to know before it becomes the program.
type spec struct {
	Root     string
	Binds    map[string]string // folders of the machine, by their paths in the container
	Writable bool
	User     string // UID:GID
	Dir      string
	Args     []string
	Env      []string
}

// Create makes a container of an image. It is removed when the test ends.
func (i *Image) Create(t testing.TB, s Settings) *Container {
	t.Helper()
	root := t.TempDir()
	if err := linkTree(i.root, root); err != nil {
		t.Fatal(err)
	}
	const readable = 0o444
	for name, content := range s.Files {
		if err := put(filepath.Join(root, name), []byte(content), readable); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range s.Links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	args := s.Command
	if len(args) == 0 {
		args = i.Command
	}
	return &Container{spec: spec{
		Root: root, User: i.User, Dir: i.Dir, Args: args, Env: merged(i.Env, s.Env),
	}}
}

// merged is an environment in which each name has its last value.
func merged(lists ...[]string) []string {
	var env []string
	at := map[string]int{}
	for _, entry := range slices.Concat(lists...) {
		name, _, _ := strings.Cut(entry, "=")
		if i, twice := at[name]; twice {
			env[i] = entry
			continue
		}
		at[name] = len(env)
		env = append(env, entry)
	}
	return env
}

// linkTree gives a folder the files of another one.
func linkTree(from, to string) error {
	if err := os.Chmod(to, 0o755); err != nil { // the root is for every user
		return err
	}
	return filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		place := filepath.Join(to, strings.TrimPrefix(name, from))
		if entry.IsDir() {
			return os.MkdirAll(place, 0o755)
		}
		return os.Link(name, place)
	})
}

// variable holds the spec of a container's process until that becomes the program.
const variable = "CLOUDPAY_TEST_CONTAINER"

// Command is the container's program, not started. Its end by a signal is that of the whole
// container. The test binary's TestMain must call [Enter].
func (c *Container) Command(ctx context.Context) *exec.Cmd {
	text, _ := json.Marshal(c.spec) // texts and flags always have a form in JSON
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args, cmd.Env = []string{"container"}, []string{variable + "=" + string(text)}
	cmd.SysProcAttr = isolated(c.spec)
	return cmd
}

// failed is the exit code of a container whose program could not be started, as Docker's.
const failed = 125

// Enter turns this process into a container's program if Command has started it for that. It
// returns at once if not.
func Enter() {
	text := os.Getenv(variable)
	if text == "" {
		return
	}
	var s spec
	err := json.Unmarshal([]byte(text), &s)
	if err == nil {
		err = enter(s) // which returns only if it fails
	}
	fmt.Fprintf(os.Stderr, "container: %v\n", err)
	os.Exit(failed)
}

// lookup is the path of a program in the container, by its environment's PATH.
func lookup(s spec) (string, error) {
	if strings.Contains(s.Args[0], "/") {
		return s.Args[0], nil
	}
	folders := ""
	for _, entry := range s.Env {
		if value, is := strings.CutPrefix(entry, "PATH="); is {
			folders = value
		}
	}
	for folder := range strings.SplitSeq(folders, ":") {
		place := filepath.Join(folder, s.Args[0])
		if info, err := os.Stat(place); err == nil && info.Mode().IsRegular() {
			return place, nil
		}
	}
	return "", fmt.Errorf("%s is in no folder of PATH (%s)", s.Args[0], folders)
}
