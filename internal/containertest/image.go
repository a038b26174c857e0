package containertest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Image is the files of an image, and what its last stage says about the programs in them.
type Image struct {
	Stage

	root string // the folder of its files
	// base are the folders of the base image, which this machine plays; nil before the first RUN.
	base map[string]string
}

// Build carries out the Dockerfile of a context, which is a folder's files but those that its
// .dockerignore leaves out. The image is removed when the test ends. The test is skipped, and says
// so, where this machine allows no namespaces; nothing could be installed for them.
func Build(t testing.TB, folder string) *Image {
	t.Helper()
	need(t)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	stages, err := ParseDockerfile(read("Dockerfile"))
	if err != nil {
		t.Fatalf("Dockerfile: %v", err)
	}
	b := builder{t: t, context: folder, ignored: parseIgnore(read(".dockerignore"))}
	for _, stage := range stages {
		b.build(stage)
	}
	return b.images[len(b.images)-1]
}

// builder makes images, each of which may take files from those before it.
type builder struct {
	t       testing.TB
	context string
	ignored ignored
	images  []*Image
}

// build makes the next stage's image.
func (b *builder) build(s Stage) {
	b.t.Helper()
	image := &Image{Stage: s, root: b.t.TempDir()}
	b.images = append(b.images, image)
	dir := "/"
	for _, in := range s.files {
		var err error
		switch in.name {
		case "WORKDIR":
			dir = path.Join(dir, in.args)
			err = os.MkdirAll(filepath.Join(image.root, dir), 0o755)
		case "COPY":
			err = b.copy(image, dir, strings.Fields(in.args))
		case "RUN":
			err = b.run(image, dir, in.args)
		}
		if err != nil {
			b.t.Fatalf("Dockerfile:%d: %s %s: %v", in.line, in.name, in.args, err)
		}
	}
}

// copy is COPY [--from=STAGE] SOURCE... DESTINATION.
func (b *builder) copy(to *Image, dir string, args []string) error {
	from, ignored := b.context, b.ignored
	if name, is := strings.CutPrefix(args[0], "--from="); is {
		i := slices.IndexFunc(b.images, func(i *Image) bool { return i.Name == name })
		if i < 0 {
			return fmt.Errorf("there is no stage %s", name)
		}
		from, ignored, args = b.images[i].root, nil, args[1:]
	}
	if len(args) < 2 || strings.HasPrefix(args[0], "-") {
		return errors.New("the arguments are not understood")
	}
	sources, last := args[:len(args)-1], args[len(args)-1]
	for _, source := range sources {
		tree := tree{from: from, name: path.Clean(source), ignored: ignored}
		info, err := os.Stat(filepath.Join(tree.from, source))
		if errors.Is(err, fs.ErrNotExist) && from != b.context {
			tree.from = "/" // the stage's base image, which this machine plays
			info, err = os.Stat(filepath.Join(tree.from, source))
		}
		if err != nil {
			return err
		}
		destination := path.Join(dir, last)
		if path.IsAbs(last) {
			destination = path.Clean(last)
		}
		if !info.IsDir() && (strings.HasSuffix(last, "/") || len(sources) > 1) {
			destination = path.Join(destination, path.Base(source))
		}
		if err := tree.copy(filepath.Join(to.root, destination)); err != nil {
			return err
		}
	}
	return nil
}

// tree is a file, or the files in a folder: name in from, which is a context or a stage's root.
type tree struct {
	from, name string
	ignored    ignored
}

// copy copies the files with their modes. Folders that would be empty are left out.
func (c tree) copy(to string) error {
	place := filepath.Join(c.from, c.name)
	return filepath.WalkDir(place, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inContext, err := filepath.Rel(c.from, name)
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir() && inContext != "." && c.ignored.skips(inContext):
			return fs.SkipDir
		case entry.IsDir(), c.ignored.has(inContext):
			return nil
		}
		return copyFile(name, filepath.Join(to, strings.TrimPrefix(name, place)))
	})
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	return put(to, text, info.Mode().Perm())
}

// put writes a file, and makes its folders.
func put(name string, content []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name, content, mode); err != nil {
		return err
	}
	return os.Chmod(name, mode) // whatever the umask
}

// run is RUN in the form of a shell's command: as root, in the stage's files above this machine's.
func (b *builder) run(in *Image, dir, script string) error {
	settings, err := goSettings(b.t.Context())
	if err != nil {
		return err
	}
	if in.base == nil {
		in.base = above(in.root)
	}
	c := &Container{spec: spec{
		Root: in.root, Binds: in.base, Dir: dir, Args: []string{"/bin/sh", "-c", script},
		Env: append(settings, in.Env...), Writable: true,
	}}
	cmd := c.Command(b.t.Context())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// above are the folders of this machine's root that a stage has none of its own in place of, by
// their paths in the container.
func above(root string) map[string]string {
	binds := map[string]string{}
	entries, _ := os.ReadDir("/") // an error leaves a container without a shell, which then says so
	for _, entry := range entries {
		place := "/" + entry.Name()
		if _, err := os.Lstat(filepath.Join(root, place)); err == nil {
			continue
		}
		if target, err := os.Readlink(place); err == nil { // such as bin, which is usr/bin
			_ = os.Symlink(target, filepath.Join(root, place))
			continue
		}
		if entry.IsDir() {
			binds[place] = place
		}
	}
	return binds
}

// goSettings is the environment of this machine's go command, which plays the base image's.
func goSettings(ctx context.Context) ([]string, error) {
	env := []string{"PATH=" + os.Getenv("PATH")}
	for _, name := range []string{"HOME", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOROOT", "GOSUMDB"} {
		value := os.Getenv(name)
		if name != "HOME" {
			out, err := exec.CommandContext(ctx, "go", "env", name).Output()
			if err != nil {
				return nil, fmt.Errorf("asking go for %s: %w", name, err)
			}
			value = strings.TrimSpace(string(out))
		}
		env = append(env, name+"="+value)
	}
	return env, nil
}

// Files lists the image's files, sorted.
func (i *Image) Files(t testing.TB) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(i.root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all = append(all, strings.TrimPrefix(name, i.root))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
