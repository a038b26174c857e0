// Package deployfile reads the files that describe functions for their deployment:
//
//	cloudbaserc.json      CloudBase's own
//	serverless.yml        the Serverless Framework's: for the plugin serverless-tencent-scf, for
//	                      AWS (provider: aws), or one function as a component (component: scf)
//	serverless.aws.yml    the same, beside a serverless.yml for Tencent
//	compose.yaml          services of containers, and objects of Kubernetes (ReadFile alone)
//
// A Compose file has ${NAME}, ${NAME:-default} and ${NAME:?error} for placeholders, and Kubernetes'
// objects have none. A service or a container is a function here, of the cloud [Container]: its
// command is the handler, and its published ports are its doors. What Compose and Kubernetes fill
// in while they run (external secrets, valueFrom, envFrom of objects elsewhere) is not known.
//
// Of each function the files say the runtime, the code, the limits, the environment and the timers;
// the rest of a file is for the tools that deploy it and is passed over. Placeholders are filled in
// as each tool does: {{env.NAME}} in cloudbaserc.json; ${env:NAME}, ${env:NAME, 'default'},
// ${self:path}, ${opt:…} and ${sls:stage} in the others. The faults of a file are all reported,
// each with its line.
package deployfile

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/cron"
)

// Cloud is the provider that a file deploys to.
type Cloud string

// The clouds.
const (
	Tencent Cloud = "tencent" // SCF and CloudBase
	AWS     Cloud = "aws"     // Lambda
	// Container is no cloud: what a Compose file or Kubernetes starts.
	Container Cloud = "container"
)

// Function is a function as one file describes it. A zero value is what the file does not say.
type Function struct {
	// Name is the name in the file, without the service and the stage that a tool puts before it.
	Name string
	// File and Line are where it is described.
	File string
	Line int
	// Cloud is where the file deploys it.
	Cloud Cloud
	// Runtime is the cloud's word for it, such as Go1, Nodejs18.15 or provided.al2023.
	Runtime string
	// HTTP says that it is a web function, which gets requests and no events.
	HTTP bool
	// Handler is its entry: a binary's name, or file.function of Node.js.
	Handler string
	// Folders may hold its code, the likeliest first; Artifact is a zip file that does.
	Folders  []string
	Artifact string
	// TimeLimit and MemoryMB are its limits.
	TimeLimit time.Duration
	MemoryMB  int
	// Env are its variables.
	Env map[string]string
	// Timers are its timers that are enabled.
	Timers []Timer
	// Doors are the public addresses that the file itself opens to it, as the file has them: routes
	// of CloudBase's HTTP access service or of an API gateway, "url" for a function URL.
	Doors []string
	// Written is how the file says all that; nil unless [Source.Lenient] is set.
	Written *Written
}

// Timer is a timer that fires a function.
type Timer struct {
	// Name is the trigger's name; for a schedule of AWS without one it is made of the function's.
	Name string
	// Expression is the schedule as written.
	Expression string
	Schedule   cron.Schedule
	// Message is the timer's argument (SCF).
	Message string
	// Input is the event (EventBridge), in place of EventBridge's own.
	Input json.RawMessage
}

// Source fills in a file's placeholders. Both functions are required, unless Lenient is set.
type Source struct {
	// Lenient is for a reader of the file itself. A placeholder without a value is then no fault:
	// what it stands for is as if it were not there, and [Function.Written] tells.
	Lenient bool

	// Lookup is the value of an environment variable.
	Lookup func(name string) (string, bool)
	// Overridden says that a function's variable gets its value elsewhere, so that the file's value
	// is not looked at.
	Overridden func(name string) bool
}

// names of the files, in the order in which they are read. The first that describes a function
// counts.
func names() []string { return []string{"cloudbaserc.json", "serverless.yml", "serverless.aws.yml"} }

// Read reads the files in a folder. A function that several of them describe is there once for each
// cloud. The result is empty if the folder has none of the files. The error joins every fault.
func Read(dir string, from Source) ([]Function, error) {
	var all []Function
	var faults []error
	seen := map[string]bool{}
	for _, name := range names() {
		text, err := readText(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			faults = append(faults, bilingual.Errorf("%s: %w", "%s：%w", name, err))
			continue
		}
		functions, err := parse(dir, name, text, from)
		faults = append(faults, err)
		for _, f := range functions {
			if key := string(f.Cloud) + "/" + f.Name; !seen[key] {
				seen[key] = true
				all = append(all, f)
			}
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return all, nil
}

// ReadFile reads one file, which may have any name: .json is CloudBase's form, any other ending
// that of a Compose file, of Kubernetes' objects or of the Serverless Framework, as its first
// members tell. The error joins every fault.
func ReadFile(path string, from Source) ([]Function, error) {
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	return parse(filepath.Dir(path), filepath.Base(path), text, from)
}

// parse reads one file.
func parse(dir, name string, text []byte, from Source) ([]Function, error) {
	r := &reader{dir: dir, file: name, source: from}
	read := readYAML
	if filepath.Ext(name) == ".json" {
		read = readJSON
	}
	documents, line, err := read(text)
	if err != nil {
		return nil, bilingual.Errorf("%s:%d: %w", "%s:%d：%w", name, line, err)
	}
	root := documents[0]
	r.root = root
	var functions []Function
	switch {
	case root.get("kind").present() && root.get("apiVersion").present():
		return r.kubernetes(documents), errors.Join(r.faults...)
	case root.get("services").present() && !root.get("service").present():
		functions = r.compose()
	case root.kind != mapping:
		r.fault(root, "the file must hold an object", "文件内容须为对象")
	case filepath.Ext(name) == ".json":
		functions = r.cloudBase()
	default:
		functions = r.serverless()
	}
	r.checkNames(functions)
	return functions, errors.Join(r.faults...)
}

// reader reads one file and collects its faults.
type reader struct {
	dir, file string
	source    Source
	root      *value
	style     style // of the file's placeholders
	depth     int   // of placeholders within placeholders
	filled    int   // how many texts were filled in
	faults    []error

	// What a lenient reader notes: the variables of the function that is read, and of the last text
	// an environment variable without a value, and that only the cloud can fill it in.
	variablesNoted map[string]Variable
	unset          string
	cloudOnly      bool
}

// fault notes a fault at a value's line.
func (r *reader) fault(at *value, en, zh string, args ...any) {
	fault := bilingual.Errorf("%s:%d: %w", "%s:%d：%w", r.file, at.line, bilingual.Errorf(en, zh, args...))
	if last := len(r.faults) - 1; last >= 0 && r.faults[last].Error() == fault.Error() {
		return // a value may be looked at twice
	}
	r.faults = append(r.faults, fault)
}

// checkNames wants every name once, in the form that the clouds take.
func (r *reader) checkNames(functions []Function) {
	lines := map[string]int{}
	for _, f := range functions {
		at := &value{line: f.Line}
		if first, twice := lines[f.Name]; twice {
			r.fault(at, "%s is described twice, first in line %d", "%s 有两处描述，首处在第 %d 行", f.Name, first)
		}
		lines[f.Name] = f.Line
		if !functionName.MatchString(f.Name) {
			r.fault(at, "%q: a function's name is a letter, then letters, digits, - and _, at most 60 characters in all",
				"%q：云函数名须以字母开头，由字母、数字、- 与 _ 组成，至多 60 个字符", f.Name)
		}
	}
}
