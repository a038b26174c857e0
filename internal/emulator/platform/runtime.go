package platform

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Runtime says how a function is spoken to. The documents of each protocol stand where it is spoken.
type Runtime string

// The runtimes.
const (
	Go1           Runtime = "go1"    // SCF and CloudBase: net/rpc to the function's port; the zero value means this one
	CustomRuntime Runtime = "custom" // SCF: the function asks the custom runtime API for events
	Lambda        Runtime = "lambda" // AWS: the function asks the Runtime API for events (provided.al2023)
	Web           Runtime = "web"    // SCF web functions, CloudBase HTTP functions, containers: an HTTP server on PORT
)

// Runtimes are all of them, in the order of their names in documents.
func Runtimes() []Runtime { return []Runtime{Go1, CustomRuntime, Lambda, Web} }

// check refuses a runtime that nobody knows.
func (r Runtime) check() error {
	var names []string
	for _, known := range Runtimes() {
		if r == known {
			return nil
		}
		names = append(names, string(known))
	}
	return fmt.Errorf("there is no runtime %q: it is one of %s", string(r), strings.Join(names, ", "))
}

// protocol is how the platform speaks with one process. It is made before the process, which is told about it in its
// environment, and its methods are called one after the other.
type protocol interface {
	// variables are those of the process's environment that say how it is spoken to.
	variables() []string
	// connect returns when the process is ready for events, and tells why it will not be. It may end meanwhile.
	connect(ctx context.Context, i *instance) error
	// answers tells whether an idle process still serves. When ctx ends first it is false, too, and says nothing.
	answers(ctx context.Context, i *instance) bool
	// invoke has the process handle one event. Killing the process ends it. The error says that the process ended or hung
	// up before it answered.
	invoke(i *instance, c call) (*answer, error)
	// close hangs up. The process is gone by then.
	close()
}

// call is one event on its way to an instance.
type call struct {
	Event

	spec       *Spec
	configured map[string]string
	deadline   time.Time
}

// answer is what a function made of an event: a payload, or an error in its own words.
type answer struct {
	payload []byte // its first maxPayload bytes at least
	size    int64  // how many it has
	err     *FunctionError
	web     *webAnswer // Web only; payload is the body then
}

// webAnswer is what an HTTP answer has besides its body.
type webAnswer struct {
	status int
	header http.Header
}

// protocols make the protocol of each runtime, for one process that is yet to start.
var protocols = map[Runtime]func(context.Context, *Function) (protocol, error){
	Go1: func(ctx context.Context, f *Function) (protocol, error) {
		port, err := f.pickPort(ctx)
		return &go1{port: port}, err
	},
	CustomRuntime: func(ctx context.Context, _ *Function) (protocol, error) { return newCustom(ctx) },
	Lambda:        func(ctx context.Context, f *Function) (protocol, error) { return newLambda(ctx, f.spec) },
	Web: func(ctx context.Context, f *Function) (protocol, error) {
		port, err := f.pickPort(ctx)
		return &web{port: port}, err
	},
}
