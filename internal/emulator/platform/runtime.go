package platform

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Runtime is the protocol between the platform and a function's processes. Each is documented at
// the type that implements it.
type Runtime string

// The runtimes.
const (
	// SCF and CloudBase: net/rpc to the function's port; the default.
	Go1           Runtime = "go1"
	CustomRuntime Runtime = "custom" // SCF: the function polls the custom runtime API
	Lambda        Runtime = "lambda" // AWS: the function polls the Runtime API (provided.al2023)
	// SCF web functions, CloudBase HTTP functions, containers: an HTTP server on PORT.
	Web Runtime = "web"
	// SCF and CloudBase: exports.main(event, context) in Node.js.
	Node Runtime = "node"
)

// Runtimes returns the runtimes of binaries, in the order of the documents: all but Node.
func Runtimes() []Runtime { return []Runtime{Go1, CustomRuntime, Lambda, Web} }

// check returns an error for an unknown runtime.
func (r Runtime) check() error {
	var names []string
	for _, known := range append(Runtimes(), Node) {
		if r == known {
			return nil
		}
		names = append(names, string(known))
	}
	return fmt.Errorf("there is no runtime %q: it is one of %s", string(r), strings.Join(names, ", "))
}

// protocol is the platform's side of the protocol with one process. It is made before the process,
// which finds its variables in the environment. Its methods are called one after the other.
type protocol interface {
	// variables are those of the process's environment that tell it how to reach the platform.
	variables() []string
	// connect waits until the process is ready for events, and returns an error when it cannot
	// become ready. The process may end meanwhile.
	connect(ctx context.Context, i *instance) error
	// answers reports whether an idle process still serves. It is false, too, when ctx ends first;
	// that says nothing about the process.
	answers(ctx context.Context, i *instance) bool
	// invoke has the process handle one event; killing the process ends the call. The error means
	// that the process ended or hung up before it answered.
	invoke(i *instance, c call) (*answer, error)
	// close releases the platform's side. The process is gone by then.
	close()
}

// call is one event on its way to an instance.
type call struct {
	Event

	spec       *Spec
	configured map[string]string
	deadline   time.Time
}

// answer is what a function returned: a payload, or an error in its own words.
type answer struct {
	payload []byte // its first maxPayload bytes at least
	size    int64  // of the whole payload, in bytes
	err     *FunctionError
	web     *webAnswer // Web only; payload is the body then
}

// webAnswer is an HTTP answer without its body.
type webAnswer struct {
	status int
	header http.Header
}

// protocols make the protocol of each runtime for one process that is yet to start.
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
	Node: func(ctx context.Context, f *Function) (protocol, error) { return newNode(ctx, f.spec) },
}
