package deployfile

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"strconv"
	"time"
	_ "time/tzdata" // the zone of a schedule, on a machine without a database of zones

	"cloudpay/internal/emulator/cron"
)

// serverless reads serverless.yml, by its provider.
func (r *reader) serverless() []Function {
	r.style = serverlessStyle
	provider := r.root.get("provider")
	name := provider
	if provider.present() && provider.kind == mapping {
		name = provider.get("name")
	}
	switch r.text(name) {
	case "tencent":
		return r.each(r.tencentFunction)
	case "aws":
		return r.each(r.awsFunction)
	case "":
		if component := r.root.get("component"); component.present() {
			return r.component(component)
		}
		r.fault(r.root, "there is no provider.name, tencent or aws", "没有 provider.name，应为 tencent 或 aws")
	default:
		r.fault(name, "provider %s is not played: tencent and aws are", "不支持 provider %s，只支持 tencent 与 aws", name.text)
	}
	return nil
}

// each reads every function with read.
func (r *reader) each(read func(name string, v *value) Function) []Function {
	described := r.root.get("functions")
	if described.present() && described.kind != mapping {
		r.fault(described, "functions must be an object of names and functions", "functions 须为名与云函数的对象")
		return nil
	}
	var functions []Function
	for _, m := range described.membersOf() {
		if m.value.kind != mapping {
			r.fault(m.value, "function %s must be an object", "云函数 %s 须为对象", m.key)
			continue
		}
		f := read(m.key, m.value)
		f.Name, f.File, f.Line = m.key, r.file, m.line
		functions = append(functions, f)
	}
	return functions
}

// membersOf is the members of a mapping, none of a value that is not there.
func (v *value) membersOf() []member {
	if v == nil {
		return nil
	}
	return v.members
}

// own is what a function says itself, or else the provider for all functions.
func (r *reader) own(v *value, key string) *value {
	if found := v.get(key); found.present() {
		return found
	}
	return r.root.get("provider", key)
}

// limits are what both providers say alike.
func (r *reader) limits(f *Function, v *value) {
	f.Runtime, f.Handler = r.text(r.own(v, "runtime")), r.text(v.get("handler"))
	f.TimeLimit = r.seconds(r.own(v, "timeout"))
	f.MemoryMB = r.megabytes(r.own(v, "memorySize"))
	artifact := v.get("package", "artifact")
	if !artifact.present() {
		artifact = r.root.get("package", "artifact")
	}
	if path := r.text(artifact); path != "" {
		f.Artifact = r.path(path)
	}
}

// folders are where a function's code may be: beside the file by its name, or where its handler is.
func (r *reader) folders(name, handler string) []string {
	return []string{r.path("functions", name), r.path(name), r.path(filepath.Dir(handler))}
}

// tencentFunction reads a function for the plugin serverless-tencent-scf.
func (r *reader) tencentFunction(name string, v *value) Function {
	f := Function{Cloud: Tencent}
	r.limits(&f, v)
	f.HTTP = r.text(v.get("type")) == "web"
	f.Env = merged(r.variables(r.root.get("provider", "environment", "variables")), r.variables(v.get("environment", "variables")))
	f.Folders = r.folders(name, f.Handler)
	for _, event := range v.get("events").list() {
		if timer := event.get("timer"); timer.present() {
			f.Timers = append(f.Timers, r.tencentTimer(name, timer)...)
		}
	}
	f.Doors = doors(v.get("events"), "apigw")
	if f.Written = r.note(v); f.Written != nil {
		f.Written.InVPC = f.Written.InVPC || r.root.get("provider", "vpcConfig").present()
	}
	return f
}

// tencentTimer is a timer that is enabled. The plugin has its name beside the parameters, a
// component among them.
func (r *reader) tencentTimer(function string, v *value) []Timer {
	parameters := v.get("parameters")
	name := v.get("name")
	if !name.present() {
		name = parameters.get("name")
	}
	if !parameters.present() {
		parameters = v
	}
	t := r.scfTimer(function, name, parameters.get("cronExpression"), parameters.get("argument"))
	if !r.enabled(parameters.get("enable")) {
		return nil
	}
	return []Timer{t}
}

// component reads a function as a component (github.com/serverless-components/tencent-scf).
func (r *reader) component(v *value) []Function {
	if name := r.text(v); name != "scf" && name != "@serverless/tencent-scf" {
		r.fault(v, "component %s is not played: scf is", "不支持 component %s，只支持 scf", name)
		return nil
	}
	inputs := r.root.get("inputs")
	name := inputs.get("name")
	if !name.present() {
		name = r.root.get("name")
	}
	f := Function{
		Name: r.text(name), File: r.file, Line: at(name, v).line, Cloud: Tencent,
		Runtime: r.text(inputs.get("runtime")), Handler: r.text(inputs.get("handler")),
		HTTP:      r.text(inputs.get("type")) == "web",
		TimeLimit: r.seconds(inputs.get("timeout")), MemoryMB: r.megabytes(inputs.get("memorySize")),
		Env: r.variables(inputs.get("environment", "variables")),
	}
	source := inputs.first("src", "codeUri")
	if source.present() && source.kind == mapping {
		source = source.get("src")
	}
	if path := r.text(source); path != "" {
		f.Folders = append(f.Folders, r.path(path))
	}
	f.Folders = append(f.Folders, r.folders(f.Name, f.Handler)...)
	for _, event := range inputs.get("events").list() {
		if timer := event.get("timer"); timer.present() {
			f.Timers = append(f.Timers, r.tencentTimer(f.Name, timer)...)
		}
	}
	f.Doors = doors(inputs.get("events"), "apigw")
	if f.Written = r.note(inputs); f.Written != nil && source.present() && source.kind == scalar {
		f.Written.Folder = r.path(r.text(source))
	}
	return []Function{f}
}

// awsFunction reads a function for AWS Lambda.
func (r *reader) awsFunction(name string, v *value) Function {
	f := Function{Cloud: AWS}
	r.limits(&f, v)
	f.Env = merged(r.variables(r.root.get("provider", "environment")), r.variables(v.get("environment")))
	f.Folders = r.folders(name, f.Handler)
	for _, event := range v.get("events").list() {
		if schedule := event.get("schedule"); schedule.present() {
			f.Timers = append(f.Timers, r.schedules(name, len(f.Timers), schedule)...)
		}
	}
	f.Doors = doors(v.get("events"), "httpApi", "http", "alb")
	if url := v.get("url"); url.present() && (url.kind != scalar || url.text != "false") {
		f.Doors = append(f.Doors, "url")
	}
	if f.Written = r.note(v); f.Written != nil {
		f.Written.Guarded, f.Written.Batches = guardedDoors(v), batches(v.get("events"))
		f.Written.InVPC = f.Written.InVPC || r.root.get("provider", "vpc").present()
	}
	return f
}

// schedules are the timers of one schedule, which may have several rates. The short form is the
// rate alone.
func (r *reader) schedules(function string, before int, v *value) []Timer {
	rates, settings := []*value{v}, &value{}
	if v.kind == mapping {
		settings = v
		rates = []*value{v.get("rate")}
		if rate := v.get("rate"); rate.present() && rate.kind == list {
			rates = rate.items
		}
	}
	for _, key := range []string{"inputPath", "inputTransformer"} {
		if given := settings.get(key); given.present() {
			r.fault(given, "%s is not played: give the event as input", "不支持 %s：请用 input 给出事件", key)
		}
	}
	zone, input := r.zone(settings.get("timezone")), r.input(settings.get("input"))
	enabled := r.enabled(settings.get("enabled"))
	var timers []Timer
	for i, rate := range rates {
		t := Timer{Name: r.text(settings.get("name")), Expression: r.text(rate), Input: input}
		if t.Name == "" {
			t.Name = function + "_schedule"
			if number := before + i + 1; number > 1 {
				t.Name += "_" + strconv.Itoa(number)
			}
		}
		var err error
		if t.Schedule, err = cron.AWS(t.Expression, zone); err != nil && !r.leaves(rate) {
			r.fault(at(rate, v), "schedule %s: %w", "定时规则 %s：%w", t.Name, err)
		}
		if enabled {
			timers = append(timers, t)
		}
	}
	return timers
}

// zone is the zone of a schedule's cron expression; nil is UTC.
func (r *reader) zone(v *value) *time.Location {
	name := r.text(v)
	if name == "" {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		r.fault(v, "there is no time zone %q", "没有时区 %q", name)
	}
	return zone
}

// input is a schedule's event as JSON: an object as it is, a text as it stands.
func (r *reader) input(v *value) json.RawMessage {
	if !v.present() {
		return nil
	}
	if v.kind == scalar && v.quoted {
		text := r.text(v)
		if r.leaves(v) {
			return nil
		}
		if !json.Valid([]byte(text)) {
			r.fault(v, "input is not JSON", "input 不是 JSON")
			return nil
		}
		return json.RawMessage(text)
	}
	encoded, err := json.Marshal(r.plain(v))
	if err != nil {
		r.fault(v, "input: %w", "input：%w", err)
	}
	return encoded
}

// plain is a value as encoding/json takes it. An unquoted scalar that is JSON, such as a number, is
// that.
func (r *reader) plain(v *value) any {
	if r.filled++; r.filled > maxFilled {
		return nil
	}
	switch v.kind {
	case list:
		items := []any{}
		for _, item := range v.items {
			items = append(items, r.plain(item))
		}
		return items
	case mapping:
		members := map[string]any{}
		for _, m := range v.members {
			members[m.key] = r.plain(m.value)
		}
		return members
	case scalar:
		if text := r.text(v); v.quoted || !json.Valid([]byte(text)) {
			return text
		}
		return json.RawMessage(r.text(v))
	default:
		return nil
	}
}

// merged is the provider's variables with the function's own over them.
func merged(provider, own map[string]string) map[string]string {
	all := map[string]string{}
	for _, env := range []map[string]string{provider, own} {
		maps.Copy(all, env)
	}
	return all
}
