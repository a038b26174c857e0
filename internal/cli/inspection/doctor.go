package inspection

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/cli/render"
)

// Doctor examines the emulated deployment, or a file that describes one, by the command `cloudpay
// doctor` in a process of its own: what it costs ends with it, and it logs and reads files as if it
// had been typed. All fields but EnvFiles are required.
type Doctor struct {
	// Program is the executable of the command.
	Program string
	// Dir is the folder of the running emulator.
	Dir string
	// Folder has the files that describe the functions. No other file can be examined.
	Folder string
	// EnvFiles are those of the emulator's --env-file.
	EnvFiles []string
}

// An examination asks WeChat Pay, the store and the receiver of events, as the emulated functions
// are configured, and changes nothing: what it sends is a query for an order that does not exist, a
// self-test, and a request without content to the receiver. Test events are not delivered, since
// that is asked for by a flag that is not passed on.

const (
	// examinationTime is doctor's own time limit, which it reports as a finding, and maxExamination
	// ends a process that does not keep it.
	examinationTime = 15 * time.Second
	maxExamination  = 25 * time.Second
	// endingTime is how long the process may hold its output open after it was ended.
	endingTime = time.Second
	// maxRequest, maxFindings and maxComplaint bound the request, the findings and what else the
	// process says, in bytes.
	maxRequest   = 4 << 10
	maxFindings  = 1 << 20 // some thousand findings
	maxComplaint = 4 << 10 // a usage error, which quotes no value of a variable
)

// descriptions are the files that describe functions, in the order in which they are read.
var descriptions = []string{"cloudbaserc.json", "serverless.yml", "serverless.aws.yml"}

// findingJSON is a line of `cloudpay doctor --json`.
type findingJSON struct {
	Check string `json:"check"`
	// Level is fault, warning, skipped, fine or fact.
	Level string `json:"level"`
	// Subject is what was checked, and Found continues it.
	Subject string `json:"subject,omitempty"`
	Found   string `json:"found"`
	// Remedy is an instruction; empty if there is nothing to do.
	Remedy string `json:"remedy,omitempty"`
}

// Handler returns GET /doctor, which lists what can be examined, and POST /doctor, which examines
// it. One examination is made at a time.
func (d Doctor) Handler() http.Handler {
	return &endpoint{
		calls: map[string]call{http.MethodGet: d.list, http.MethodPost: d.examine},
		turns: make(chan struct{}, 1),
	}
}

// list answers the files that there are now.
func (d Doctor) list(*http.Request, *render.Language) (any, error) {
	return map[string][]string{"files": d.files()}, nil
}

// files are the description files that are in the folder.
func (d Doctor) files() []string {
	files := []string{}
	for _, name := range descriptions {
		if found, err := filepath.Glob(filepath.Join(escaped(d.Folder), name)); err == nil && len(found) > 0 {
			files = append(files, name)
		}
	}
	return files
}

// escaped is a path as a pattern that matches it alone.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// examine runs the command and answers its findings.
func (d Doctor) examine(r *http.Request, in *render.Language) (any, error) {
	text, err := readBody(r, maxRequest)
	if err != nil {
		return nil, err
	}
	var request struct {
		// Deploy is one of the files; empty: the emulated deployment.
		Deploy string `json:"deploy"`
	}
	if len(bytes.TrimSpace(text)) > 0 {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&request); err != nil {
			return nil, refuse(http.StatusBadRequest, `the body must be {} or {"deploy":"cloudbaserc.json"}`,
				`请求正文须为 {} 或 {"deploy":"cloudbaserc.json"}`)
		}
	}
	// A name of the list, and no path: the caller may have any file of this machine read otherwise.
	if request.Deploy != "" && !slices.Contains(d.files(), request.Deploy) {
		return nil, refuse(http.StatusNotFound, "deploy: there is no %q among the files that GET /doctor lists",
			"deploy：GET /doctor 所列文件中没有 %q", request.Deploy)
	}
	findings, err := d.run(r.Context(), d.arguments(request.Deploy, in))
	if err != nil {
		return nil, err
	}
	return summary(findings), nil
}

// arguments are those of the command.
func (d Doctor) arguments(deploy string, in *render.Language) []string {
	lang := "en"
	if in.Chinese {
		lang = "zh"
	}
	arguments := []string{"doctor", "--json", "--lang", lang, "--timeout", examinationTime.String()}
	if deploy == "" {
		return append(arguments, "--emulator", d.Dir)
	}
	arguments = append(arguments, "--deploy", filepath.Join(d.Folder, deploy))
	for _, file := range d.EnvFiles {
		arguments = append(arguments, "--env-file", file)
	}
	return arguments
}

// run runs the command, which exits with 0 or, if it finds a fault, with 1. It is killed when ctx
// ends: with the caller's connection, and with the emulator.
func (d Doctor) run(ctx context.Context, arguments []string) ([]findingJSON, error) {
	ctx, cancel := context.WithTimeout(ctx, maxExamination)
	defer cancel()
	out, complaint := &limited{most: maxFindings}, &limited{most: maxComplaint}
	cmd := exec.CommandContext(ctx, d.Program, arguments...) //nolint:gosec // this program, and files of its own list
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, complaint, endingTime
	err := cmd.Run()
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	// A process that was ended proves nothing, whatever it has printed until then.
	case ctx.Err() != nil:
		return nil, refuse(http.StatusGatewayTimeout, "the examination did not end in time", "体检未在时限内结束")
	case out.cut:
		return nil, refuse(http.StatusBadGateway, "there are more findings than %d KiB: run cloudpay doctor in a terminal",
			"结果超过 %d KiB：请在终端运行 cloudpay doctor", maxFindings>>10)
	case err != nil && (!exited || exit.ExitCode() != 1):
		return nil, refuse(http.StatusBadGateway, "the examination failed: %s", "体检失败：%s", strings.TrimSpace(complaint.text.String()))
	}
	return decodeFindings(&out.text)
}

// decodeFindings reads a finding a line.
func decodeFindings(text io.Reader) (findings []findingJSON, err error) {
	dec := json.NewDecoder(text)
	for {
		var one findingJSON
		switch err := dec.Decode(&one); {
		case errors.Is(err, io.EOF):
			return findings, nil
		case err != nil:
			return nil, refuse(http.StatusBadGateway, "the findings cannot be read", "无法读取体检结果")
		}
		findings = append(findings, one)
	}
}

// summary is the answer: the findings with how many of them matter.
func summary(findings []findingJSON) any {
	answer := struct {
		Findings []findingJSON `json:"findings"`
		Faults   int           `json:"faults"`
		Warnings int           `json:"warnings"`
	}{Findings: findings}
	for _, one := range findings {
		switch one.Level {
		case "fault":
			answer.Faults++
		case "warning":
			answer.Warnings++
		}
	}
	return answer
}

// limited keeps the first bytes of an output, and notes that there were more.
type limited struct {
	text bytes.Buffer
	most int
	cut  bool
}

// Write never fails, so that the process is not stopped by a full buffer.
func (l *limited) Write(p []byte) (int, error) {
	room := l.most - l.text.Len()
	if len(p) > room {
		l.cut = true
		l.text.Write(p[:max(room, 0)])
		return len(p), nil
	}
	l.text.Write(p) // of a buffer in memory
	return len(p), nil
}
