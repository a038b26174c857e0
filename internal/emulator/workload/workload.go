// Package workload turns the functions that description files describe (package deployfile), and
// cloudpay's own, into what the platform runs: it finds or builds their code, merges their
// environment and takes their timers.
//
// A function's runtime is the described one:
//
//	Go1                  a binary for the Go1 runtime, or Go sources that are built to one
//	CustomRuntime        the same for SCF's custom runtime API
//	provided.al2023      the same for Lambda's Runtime API
//	Nodejs…              exports.main(event, context) of Node.js
//	type HTTP or web     a web function: scf_bootstrap, or Go sources
//
// Others are not played, and noted. closeorder and queryorder are always cloudpay's own, which run
// on every runtime of binaries; the files say their limits, their timers and further variables.
// Without a description they have the timers of this repository's cloudbaserc.json, and without a
// store none. A function with CLOUDPAY_ROUTES is cloudpay's functions/web, whatever its name
// (web.go).
package workload

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/cron"
	"cloudpay/internal/emulator/deployfile"
	"cloudpay/internal/emulator/platform"
)

// Options say what is to run.
type Options struct {
	// Dir is the folder of the description files.
	Dir string
	// Workspace is a folder for what is built or unpacked.
	Workspace string
	// Binaries are the executables of cloudpay's own functions, by the names of [Executables], and
	// Runtime is what closeorder and queryorder run on. With the runtime Lambda, AWS's descriptions
	// come before Tencent's.
	Binaries map[string]string
	Runtime  platform.Runtime
	// Env is the environment of cloudpay's own functions: keys, addresses, tokens. It wins over
	// their descriptions, and fills in the placeholders of all.
	Env map[string]string
	// LoginURL is the emulated cloud's address, whose access tokens those of cloudpay's functions
	// verify that are described with CLOUDPAY_LOGIN_ENV.
	LoginURL string
	// Given are variables of the command line, which win over everything, and Files those that some
	// of them were read from.
	Given map[string]string
	Files []string
	// Lookup is this process's environment, for placeholders.
	Lookup func(name string) (string, bool)
	// Warm is how many processes of each function are started at once.
	Warm int
}

// Plan is what the platform runs.
type Plan struct {
	Functions []platform.Spec
	Timers    []platform.Timer
	// NotifyPath is where the emulated cloud takes WeChat Pay's notifications, if one of cloudpay's
	// functions does, and HTTPFunction is the one that wx.cloud.callHTTPFunction is to call; empty:
	// there is none.
	NotifyPath, HTTPFunction string
	// Notes name what is described and not played.
	Notes []bilingual.Text
	// Sources are the folders and files that a rebuild depends on.
	Sources []string
}

// Make makes the plan; it builds what has to be built. The error joins all faults of the files and
// of the functions' code.
func Make(ctx context.Context, o Options) (*Plan, error) {
	described, err := o.read()
	if err != nil {
		return nil, err
	}
	p := &planner{Options: o, plan: &Plan{Sources: append([]string{o.Dir}, o.Files...)}}
	chosen := o.choose(described)
	for _, name := range slices.Sorted(maps.Keys(ownTimers)) {
		p.own(name, chosen[name])
		delete(chosen, name)
	}
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		if f := *chosen[name]; isWeb(f) {
			p.ownWeb(f)
		} else {
			p.theirs(ctx, f)
		}
	}
	if err := errors.Join(p.faults...); err != nil {
		return nil, err
	}
	return p.plan, nil
}

// Check reports every fault of the description files, without building anything. It needs Dir,
// Given and Lookup only.
func Check(o Options) error {
	_, err := o.read()
	return err
}

// read reads the description files.
func (o Options) read() ([]deployfile.Function, error) {
	return deployfile.Read(o.Dir, deployfile.Source{
		Lookup:     o.value,
		Overridden: func(name string) bool { _, given := o.Given[name]; return given },
	})
}

// value is the value of a placeholder. A variable of the emulator's own is never taken from this
// process's environment, which may have a real merchant's.
func (o Options) value(name string) (string, bool) {
	if text, given := o.Given[name]; given {
		return text, true
	}
	if text, own := o.Env[name]; own || Owned(name) {
		return text, true
	}
	text, known := o.Lookup(name)
	if !known && name == environmentName {
		return environmentID, true
	}
	return text, known
}

// choose takes one description of each function: on Lambda AWS's if there is one, else Tencent's if
// there is one.
func (o Options) choose(described []deployfile.Function) map[string]*deployfile.Function {
	first := deployfile.Tencent
	if o.Runtime == platform.Lambda {
		first = deployfile.AWS
	}
	chosen := map[string]*deployfile.Function{}
	for _, f := range described {
		if chosen[f.Name] == nil || f.Cloud == first && chosen[f.Name].Cloud != first {
			chosen[f.Name] = &f
		}
	}
	return chosen
}

// planner makes a plan.
type planner struct {
	Options

	plan   *Plan
	faults []error
}

// own adds closeorder or queryorder. described is nil if no file describes it.
func (p *planner) own(name string, described *deployfile.Function) {
	if described == nil {
		described = &deployfile.Function{Name: name, Cloud: deployfile.Tencent, Timers: p.defaultTimers(name)}
	}
	if p.Env[store] == "" {
		described.Timers = nil // a sweep without a register is an error
	}
	spec := p.spec(*described, p.ownEnv(described.Env))
	spec.Binary, spec.Runtime = p.Binaries[name], p.Runtime
	if spec.TimeLimit == 0 {
		spec.TimeLimit = ownTimeLimit
	}
	p.add(spec, *described)
}

// ownEnv is the environment of one of cloudpay's functions, by what a file says of it.
func (p *planner) ownEnv(described map[string]string) map[string]string {
	env := map[string]string{}
	for variable, value := range described {
		if !Owned(variable) {
			env[variable] = value
		}
	}
	maps.Copy(env, p.Env)
	if _, is := described[loginEnv]; is {
		env[loginEnv], env[loginURL] = environmentID, p.LoginURL
	}
	return env
}

// ownTimeLimit is the limit of an own function that no file describes, as in this repository's
// files.
const ownTimeLimit = 10 * time.Second

// ownTimers are the timers of this repository's cloudbaserc.json.
var ownTimers = map[string]string{"closeorder": "0 * * * * * *", "queryorder": "30 */5 * * * * *"}

func (p *planner) defaultTimers(name string) []deployfile.Timer {
	schedule, err := cron.SCF(ownTimers[name])
	if err != nil {
		return nil // a function without a timer
	}
	return []deployfile.Timer{{Name: name + "_timer", Expression: ownTimers[name], Schedule: schedule}}
}

// theirs adds a function of the user's.
func (p *planner) theirs(ctx context.Context, f deployfile.Function) {
	runtime, played := runtimeOf(f)
	if !played {
		p.plan.Notes = append(p.plan.Notes, bilingual.Sprintf("%s:%d: %s is left out: its runtime %q is not played",
			"%s:%d：略过 %s：不支持其运行时 %q", f.File, f.Line, f.Name, f.Runtime))
		return
	}
	spec := p.spec(f, f.Env)
	spec.Runtime = runtime
	if err := p.locate(ctx, f, &spec); err != nil {
		p.faults = append(p.faults, bilingual.Errorf("%s:%d: function %s: %w", "%s:%d：云函数 %s：%w", f.File, f.Line, f.Name, err))
		return
	}
	p.add(spec, f)
}

// runtimeOf is the emulated runtime of a described one. Without one, CloudBase has Node.js.
func runtimeOf(f deployfile.Function) (platform.Runtime, bool) {
	name := strings.ToLower(strings.ReplaceAll(f.Runtime, " ", ""))
	switch {
	case f.HTTP:
		return platform.Web, true
	case f.Cloud == deployfile.AWS:
		return platform.Lambda, strings.HasPrefix(name, "provided")
	case name == "go1", name == "golang1":
		return platform.Go1, true
	case name == "customruntime":
		return platform.CustomRuntime, true
	case name == "", strings.HasPrefix(name, "nodejs"):
		return platform.Node, true
	default:
		return "", false
	}
}

// spec has what every function's spec has: limits and environment.
func (p *planner) spec(f deployfile.Function, env map[string]string) platform.Spec {
	merged := map[string]string{}
	maps.Copy(merged, env)
	maps.Copy(merged, p.Given)
	list := make([]string, 0, len(merged))
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		list = append(list, name+"="+merged[name])
	}
	return platform.Spec{Name: f.Name, Env: list, TimeLimit: f.TimeLimit, MemoryMB: f.MemoryMB, Warm: p.Warm}
}

// add takes a function and its timers into the plan. Web functions have no timers.
func (p *planner) add(spec platform.Spec, f deployfile.Function) {
	p.plan.Functions = append(p.plan.Functions, spec)
	if spec.Runtime == platform.Web {
		return
	}
	for _, t := range f.Timers {
		timer := platform.Timer{
			Function: f.Name, Name: t.Name, Expression: t.Expression, Next: t.Schedule.Next, Message: t.Message,
		}
		if f.Cloud == deployfile.AWS && spec.Runtime == platform.Lambda {
			timer.Rule, timer.Input = true, t.Input
		}
		if ownTimers[f.Name] != "" && spec.Runtime == platform.CustomRuntime && t.Message == "" {
			timer.Message = p.Env[timerToken] // that runtime does not say that a timer fired
		}
		p.plan.Timers = append(p.plan.Timers, timer)
	}
}

// Variables of the own functions: the token by which they know a timer, and the register that the
// timers are for.
const (
	timerToken = "CLOUDPAY_TIMER_TOKEN"
	store      = "CLOUDPAY_STORE"
)
