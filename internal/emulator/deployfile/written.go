package deployfile

import "slices"

// Written is how a file says what it says of a function, for a reader that judges the file itself.
type Written struct {
	// Lines are the lines of the function's own members and of what the provider says for all, by
	// name, such as timeout.
	Lines map[string]int
	// Values are those members that are texts, numbers or booleans: the function's own before the
	// provider's.
	Values map[string]string
	// Variables are its environment, by name. Opaque says that it has others that the file does not
	// name.
	Variables map[string]Variable
	Opaque    bool
	// EnvID is the CloudBase environment that the file is for.
	EnvID Variable
	// Folder is what the tool packs as it is; empty if the file does not say.
	Folder string
	// Guarded are those of its doors at which the platform authenticates callers.
	Guarded []string
	// InVPC says that it is in a private network.
	InVPC bool
	// Batches are its queues of AWS's SQS.
	Batches []Batch
	// Form is the file's, where one cloud has several: [Compose] or [Kubernetes].
	Form string
	// Mounted are the files on this machine that a container has, by their path there.
	Mounted map[string]string
}

// The forms of files of containers.
const (
	Compose    = "compose"
	Kubernetes = "kubernetes"
)

// Variable is one variable as it is written.
type Variable struct {
	// Line is where it is written, and Text what stands there; empty if that is no text.
	Line int
	Text string
	// Unset is the environment variable that Text takes and that has no value; empty: none.
	Unset string
	// Known says that its value is in [Function.Env]. It is not if it is Unset, or if only the
	// cloud knows it.
	Known bool
}

// Batch is a queue whose messages a function gets in batches.
type Batch struct {
	Line int
	// ReportsItems says that the function's word counts on each message.
	ReportsItems bool
}

// note begins the description of a function as it is written; nil if it is not asked for.
func (r *reader) note(v *value) *Written {
	if !r.source.Lenient {
		return nil
	}
	w := &Written{Lines: map[string]int{}, Values: map[string]string{}, Variables: r.variablesNoted, EnvID: r.written(r.root.get("envId"))}
	r.variablesNoted = nil
	for _, from := range []*value{r.root.get("provider"), v} {
		for _, m := range from.membersOf() {
			w.Lines[m.key] = m.line
			if m.value.kind == scalar {
				w.Values[m.key] = r.text(m.value)
			}
		}
	}
	if v.get("vpc").present() || v.get("vpcConfig").present() {
		w.InVPC = true
	}
	return w
}

// noteVariable keeps how a variable is written, if that is asked for.
func (r *reader) noteVariable(name string, line int, v *value) {
	if !r.source.Lenient {
		return
	}
	if r.variablesNoted == nil {
		r.variablesNoted = map[string]Variable{}
	}
	found := r.written(v)
	found.Line = line
	r.variablesNoted[name] = found
}

// written is how a value is written, and whether its placeholders have values.
func (r *reader) written(v *value) Variable {
	if v == nil {
		return Variable{}
	}
	found := Variable{Line: v.line, Known: v.kind == scalar || v.kind == null}
	if v.kind == scalar {
		r.unset, r.cloudOnly = "", false
		_ = r.text(v)
		found.Text, found.Unset, found.Known = v.text, r.unset, r.unset == "" && !r.cloudOnly
	}
	return found
}

// guardedRoutes are the routes of the HTTP access service with enableAuth that lead to a function.
func (r *reader) guardedRoutes(function string) []string {
	var guarded []string
	for _, route := range r.root.get("gateway", "routes").list() {
		if route.leadsTo(function) && route.get("enableAuth").name() == "true" {
			guarded = append(guarded, route.get("path").name())
		}
	}
	return guarded
}

// guardedDoors are the doors of AWS at which a caller has to show a proof of AWS's.
func guardedDoors(v *value) []string {
	var guarded []string
	for _, event := range v.get("events").list() {
		for _, key := range []string{"httpApi", "http"} {
			if door := event.get(key); door.get("authorizer").present() {
				guarded = append(guarded, key+door.suffix())
			}
		}
	}
	if v.get("url", "authorizer").name() == "aws_iam" {
		guarded = append(guarded, "url")
	}
	return guarded
}

// batches are a function's queues of SQS.
func batches(events *value) []Batch {
	var found []Batch
	for _, event := range events.list() {
		if queue := event.get("sqs"); queue.present() {
			kinds := append(queue.get("functionResponseType").list(), queue.get("functionResponseType"))
			found = append(found, Batch{
				Line:         queue.line,
				ReportsItems: slices.ContainsFunc(kinds, func(v *value) bool { return v.name() == "ReportBatchItemFailures" }),
			})
		}
	}
	return found
}
