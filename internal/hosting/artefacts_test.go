package hosting_test

import (
	"archive/zip"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/scf-go-lib/cloudfunction/messages"
)

// distVariable is the folder of what `make package` made. `make package-test` sets it.
const distVariable = "CLOUDPAY_DIST"

// artefacts are the zips of a function, and what a platform does with them.
type artefacts struct {
	t        *testing.T
	dist     string
	function string
}

// TestArtefacts unpacks what is deployed and calls it as its platform would, without a
// configuration: it has to say so. One after the other: a process that is started while another's
// binary is being written holds that open, and it cannot run.
func TestArtefacts(t *testing.T) {
	dist := os.Getenv(distVariable)
	if dist == "" {
		t.Skip("make package-test runs this over what was packed")
	}
	for _, function := range []string{"closeorder", "queryorder"} {
		for name, check := range map[string]func(a *artefacts){
			"scf": (*artefacts).scf, "cloudbase": (*artefacts).cloudbase, "custom": (*artefacts).custom,
			"web": (*artefacts).web, "lambda": (*artefacts).lambda,
		} {
			t.Run(function+" "+name, func(t *testing.T) {
				check(&artefacts{t, dist, function})
			})
		}
	}
	for _, name := range []string{"cloudpay", "cloudpay-public"} {
		t.Run(name+" cloudbase", func(t *testing.T) { (&artefacts{t, dist, name}).cloudbaseHTTP() })
	}
}

// unpack unpacks a zip as a platform does, and returns the folder.
func (a *artefacts) unpack(name string, want ...string) string {
	a.t.Helper()
	archive, err := zip.OpenReader(filepath.Join(a.dist, name))
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	folder := a.t.TempDir()
	var got []string
	for _, entry := range archive.File {
		got = append(got, entry.Name)
		source, err := entry.Open()
		if err != nil {
			a.t.Fatal(err)
		}
		content, err := io.ReadAll(source)
		if err != nil {
			a.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(entry.Name)), content, entry.Mode()); err != nil {
			a.t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		a.t.Fatalf("%s: got entries %v, want %v", name, got, want)
	}
	return folder
}

// command is an executable with this environment, and what a shell and every function need.
func (a *artefacts) command(path string, env ...string) *exec.Cmd {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), 5*time.Minute) // only ends a hang
	a.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path)
	cmd.Env = append([]string{"CLOUDPAY_CALLER_POLICY=any", "PATH=" + os.Getenv("PATH")}, env...)
	return cmd
}

// wantBinary fails the test unless this is a static Linux binary for the machine, and reports
// whether it runs here.
func (a *artefacts) wantBinary(path string, machine elf.Machine) bool {
	a.t.Helper()
	binary, err := elf.Open(path)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = binary.Close() }()
	if binary.Machine != machine {
		a.t.Errorf("%s: got a binary for %v, want %v", path, binary.Machine, machine)
	}
	for _, part := range binary.Progs {
		if part.Type == elf.PT_INTERP {
			a.t.Errorf("%s: got a binary that needs a loader, want a static one: the platform's C library is older", path)
		}
	}
	return runtime.GOOS == "linux" && runtime.GOARCH == map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}[machine]
}

// wantAnswer fails the test unless this is a function's object about a configuration that is not
// there.
func (a *artefacts) wantAnswer(reply string) {
	a.t.Helper()
	var result struct{ ReturnCode, ReturnMsg string }
	if err := json.Unmarshal([]byte(reply), &result); err != nil || result.ReturnCode != "FAIL" || result.ReturnMsg == "" {
		a.t.Errorf("got %q, want an object with returnCode FAIL and a returnMsg", reply)
	}
}

const someOrder = `{"out_trade_no":"A1"}`

func (a *artefacts) scf() {
	a.go1(filepath.Join(a.unpack("scf.zip", "closeorder", "queryorder"), a.function))
}

// cloudbase: the CLI packs the folder of a function as it is.
func (a *artefacts) cloudbase() {
	files, err := os.ReadDir(filepath.Join(a.dist, a.function))
	if err != nil || len(files) != 1 || files[0].Name() != "main" {
		a.t.Fatalf("dist/%s: got %v and error %v, want main alone", a.function, files, err)
	}
	a.go1(filepath.Join(a.dist, a.function, "main"))
}

// cloudbaseHTTP: the folder of an HTTP function has the script beside the program.
func (a *artefacts) cloudbaseHTTP() {
	folder := filepath.Join(a.dist, a.function)
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 2 || files[0].Name() != "main" || files[1].Name() != "scf_bootstrap" {
		a.t.Fatalf("dist/%s: got %v and error %v, want main and scf_bootstrap", a.function, files, err)
	}
	a.bootstrap(folder, "closeorder")
}

func (a *artefacts) go1(path string) {
	if !a.wantBinary(path, elf.EM_X86_64) {
		return
	}
	f := startSCF(a.t, func(port string) *exec.Cmd {
		return a.command(path, "_LAMBDA_SERVER_PORT="+port, "CLOUDPAY_LISTEN_HOST=127.0.0.1")
	})
	a.wantAnswer(string(f.invoke(messages.InvokeRequest{Payload: []byte(someOrder), TimeLimitInMs: 60_000}).Payload))
}

func (a *artefacts) custom() {
	path := filepath.Join(a.unpack("custom/"+a.function+".zip", "bootstrap"), "bootstrap")
	if !a.wantBinary(path, elf.EM_X86_64) {
		return
	}
	api := servePlatform(a.t)
	api.runs(a.command(path, api.env()...))
	api.accept(api.want(askReady))
	a.wantAnswer(api.invoke(postResponse, someOrder, "time_limit_in_ms", "60000"))
}

// web starts the script, and leaves lying about what must not matter to it.
func (a *artefacts) web() {
	a.bootstrap(a.unpack("web/"+a.function+".zip", "scf_bootstrap", "main"), a.function)
}

// bootstrap starts the script in a folder, and calls a route.
func (a *artefacts) bootstrap(folder, route string) {
	a.t.Helper()
	script, err := os.ReadFile(filepath.Join(folder, "scf_bootstrap"))
	if err != nil {
		a.t.Fatal(err)
	}
	if text := string(script); !strings.HasPrefix(text, "#!/bin/bash\n") || strings.Contains(text, "\r") || !strings.HasSuffix(text, "\n") {
		a.t.Errorf("scf_bootstrap: got %q, want a bash script with Unix line ends", text)
	}
	if !a.wantBinary(filepath.Join(folder, "main"), elf.EM_X86_64) {
		return
	}
	cmd := a.command(filepath.Join(folder, "scf_bootstrap"), "PORT=0", "_LAMBDA_SERVER_PORT=1", "SCF_RUNTIME_API=127.0.0.1")
	p := startWeb(a.t, cmd, (*exec.Cmd).StdoutPipe)
	response := p.send("POST", "/"+route, someOrder, "Content-Type", "application/json")
	a.wantAnswer(response.content)
	if strings.Contains(response.content, "the function failed") {
		a.t.Errorf("got %q, want the function's own answer", response.content)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		a.t.Fatal(err)
	}
	if err := <-p.exited; err != nil {
		a.t.Errorf("exit: got %v, want code 0, since the script is the function", err)
	}
}

func (a *artefacts) lambda() {
	path := filepath.Join(a.unpack("lambda/"+a.function+".zip", "bootstrap"), "bootstrap")
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		a.t.Fatal(err)
	}
	if !slices.Contains(info.Settings, debug.BuildSetting{Key: "-tags", Value: "lambda.norpc"}) {
		a.t.Errorf("built with %v, want the tag lambda.norpc", info.Settings)
	}
	if !a.wantBinary(path, elf.EM_AARCH64) {
		return
	}
	api := serveRuntimeAPI(a.t)
	api.runs(a.command(path, api.env...))
	answer := api.invoke(lambdaEvent{"r-1", soon(), someOrder})
	if answer.failed {
		a.t.Errorf("got the error %q, want an answer", answer.body)
	}
	a.wantAnswer(answer.body)
}
