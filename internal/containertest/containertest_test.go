package containertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	Enter()
	os.Exit(m.Run())
}

// program prints what a container's program sees of its surroundings.
const program = `package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	fmt.Println("user", os.Getuid(), os.Getgid())
	fmt.Println("process", os.Getpid())
	fmt.Println("environment", strings.Join(os.Environ(), " "))
	dir, _ := os.Getwd()
	fmt.Println("folder", dir)
	entries, _ := os.ReadDir("/")
	for _, entry := range entries {
		fmt.Println("root", entry.Name())
	}
	secret, err := os.ReadFile("/run/secrets/link")
	fmt.Printf("secret %s %v\n", secret, err)
	fmt.Println("write", os.WriteFile("/new", nil, 0o600))
	fmt.Println("arguments", os.Args[1:])
}
`

// TestContainer builds an image of a program that tells what it sees.
func TestContainer(t *testing.T) {
	t.Parallel()
	context := t.TempDir()
	for name, text := range map[string]string{
		"Dockerfile": strings.Join([]string{
			"# A comment.", "FROM golang AS build", "ARG GOPROXY", "WORKDIR /src", "COPY go.mod ./", "COPY . .",
			`RUN CGO_ENABLED=0 go build -o /out/tells \`, "    .", "RUN ls > /out/listed", "",
			"FROM scratch", "COPY --from=build /out/tells /bin/", "COPY --from=build /out/listed /etc/passwd /etc/", "COPY folder /folder",
			"ENV PATH=/bin TOLD=yes", "USER 65532:65532", "WORKDIR /work", "EXPOSE 8080", `CMD ["tells", "by", "default"]`,
		}, "\n"),
		".dockerignore": "*\n!go.mod\n!*.go\n*_test.go\n!folder\nfolder/out\n",
		"go.mod":        "module tells\n\ngo 1.26\n", "main.go": program, "main_test.go": "broken", "secret.pem": "secret",
		"folder/in": "", "folder/out": "",
	} {
		if err := put(filepath.Join(context, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	image := Build(t, context)
	if got, want := strings.Join(image.Files(t), " "), "/bin/tells /etc/listed /etc/passwd /folder/in"; got != want {
		t.Errorf("got the files %s, want %s", got, want)
	}
	if listed, err := os.ReadFile(filepath.Join(image.root, "etc/listed")); err != nil || string(listed) != "folder\ngo.mod\nmain.go\n" {
		t.Errorf("got the context %q, %v, want the module without its tests and the secret", listed, err)
	}
	container := image.Create(t, Settings{
		Env: []string{"MORE=1", "TOLD=again"}, Files: map[string]string{"/run/secrets/..data/key": "hidden"}, Links: map[string]string{"/run/secrets/link": "..data/key"},
	})
	for range 2 { // a container can be run again
		out, err := container.Command(t.Context()).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		want := strings.Join([]string{
			"user 65532 65532", "process 1", "environment PATH=/bin TOLD=again MORE=1", "folder /work", "root bin", "root etc", "root folder",
			"root run", "root work", "secret hidden <nil>", "write open /new: read-only file system", "arguments [by default]", "",
		}, "\n")
		if string(out) != want {
			t.Errorf("got\n%swant\n%s", out, want)
		}
	}
	other := image.Create(t, Settings{Command: []string{"none"}})
	if out, err := other.Command(t.Context()).CombinedOutput(); err == nil || !strings.Contains(string(out), "none is in no folder of PATH (/bin)") {
		t.Errorf("got %v and %s, want that there is no such program", err, out)
	}
}

func TestParseDockerfileRefusesWhatItDoesNotCarryOut(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"VOLUME /data":            "line 2: VOLUME: is not understood",
		"CMD web":                 "line 2: CMD: is not a list in JSON",
		"ENV PATH=/bin:$PATH":     "line 2: ENV: PATH=/bin:$PATH is not NAME=VALUE",
		"ENV NAME value":          "line 2: ENV: NAME is not NAME=VALUE",
		"ARG VERSION=1":           "line 2: ARG: a default is not understood",
		"USER":                    "line 2: USER: has no arguments",
		"ADD https://example.com": "line 2: ADD: is not understood",
	} {
		_, err := ParseDockerfile("FROM scratch\n" + line + "\n")
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", line, err, want)
		}
	}
	if _, err := ParseDockerfile("RUN true\nFROM scratch\n"); err == nil || err.Error() != "line 1: RUN stands before FROM" {
		t.Errorf("got %v, want that RUN stands before FROM", err)
	}
}

// TestIgnored has the examples of Docker's documentation, and those of an allow-list.
func TestIgnored(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		patterns string
		out, in  string
	}{
		"names at one level":    {"*/temp*\n", "some/temporary.txt some/temp", "temp some/other/temp"},
		"names at two levels":   {"*/*/temp*\n", "some/folder/temporary", "some/temp"},
		"one character":         {"temp?\n", "tempa tempb", "temp tempab"},
		"any folder":            {"**/*.go\n", "main.go some/folder/main.go", "main.mod"},
		"the last one decides":  {"*.md\n!README*.md\nREADME-secret.md\n", "a.md README-secret.md", "README.md README-more.md"},
		"a folder's files":      {"folder\n", "folder/file folder/in/file", "other/folder/file"},
		"an allow-list":         {"# all\n*\n!pkg\n!go.mod\n**/testdata\n**/*_test.go\n", "key.pem .git/config pkg/testdata/x pkg/a_test.go", "go.mod pkg/a.go pkg/b/a.go"},
		"folders of their own":  {"/dist/\n", "dist/main", "cmd/dist/main"},
		"any file with an end ": {"**.pem\n", "a.pem b/a.pem", "a.pem.go"},
	} {
		i := parseIgnore(c.patterns)
		for file := range strings.FieldsSeq(c.out) {
			if !i.has(file) {
				t.Errorf("%s: %s is in the context, want it left out", name, file)
			}
		}
		for file := range strings.FieldsSeq(c.in) {
			if i.has(file) || i.skips(filepath.Dir(file)) && filepath.Dir(file) != "." {
				t.Errorf("%s: %s is left out, want it in the context", name, file)
			}
		}
	}
	if i := parseIgnore("*\n!pkg\n"); !i.skips(".git") || i.skips("pkg") {
		t.Error("got folders read that are left out, or the reverse")
	}
}

// TestContextOfThisRepository wants no secret that lies about, and no history, in a build.
func TestContextOfThisRepository(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	i := parseIgnore(string(text))
	for _, name := range []string{
		".env", "secrets/store", "apiclient_key.pem", ".git/config", ".cloudpay/secrets.json", "dist/web/main", "docs/web.md",
		"cmd/cloudpay/main_test.go", "cmd/cloudpay/testdata/script/rounds.txtar", "compose.yaml", "bench/go.mod",
	} {
		if !i.has(name) {
			t.Errorf("%s is in the context, want it left out", name)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "functions/web/main.go", "cmd/cloudpay/help/sweep.txt", "internal/store/migrations/migrations.go", "pkg/wire/wire.go"} {
		if i.has(name) {
			t.Errorf("%s is left out, want it in the context", name)
		}
	}
}
