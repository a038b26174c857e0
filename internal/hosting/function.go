package hosting

import "io"

// Function is a cloud function, built and ready to be called.
type Function struct {
	// Handle answers one event; see Handler. It is called on every platform but Web.
	Handle Handler
	// HandleHTTP answers one HTTP request; see HTTPHandler. It is called on Web only.
	HandleHTTP HTTPHandler
	// Standing is what the head of an HTTP request proves of its sender: its Method, Path and
	// Header, before anything else is there. It is called on Web only. Nil: all heads are Proved,
	// for handlers that are open to every caller.
	Standing func(head Request) Standing
	// IsSecret reports whether a text is a secret of the function's, which must not become a
	// request's name. Nil: none is.
	IsSecret func(text string) bool
	// Broken says why the function is not fit to serve, nil when it is. It is logged once, at the
	// start. Handle then answers every call with the fault; a container ends instead.
	Broken error
	// MemoryMB is how much memory the platform says that the function has; 0 where it does not say.
	MemoryMB int
	// End takes leave of what Handle has open; nil when there is nothing. It is called before the
	// process ends by itself.
	End func()
}

// Build makes a function out of an environment (in the form of [os.Environ]). The function's log
// goes to logs, which the platforms collect line by line. An error means that nothing may be
// served; it says what to do.
type Build func(environ []string, logs io.Writer) (Function, error)

// Standing is what the head of an HTTP request proves of its sender. The web server gives each
// standing places of its own (see limits), so that requests of one standing, however many and
// however slow, take nothing from those of another. A further kind of request, such as one that its
// body proves, is a further standing with its own row there.
type Standing int

const (
	// Refused: the head proves nothing, and no body could. The body is not read; the handler is
	// asked for its refusal with Invocation.Withheld.
	Refused Standing = iota
	// Unproved: the head proves nothing, and the body may.
	Unproved
	// Named: the head names a user, by the word of a gateway that nothing goes past.
	Named
	// Proved: the head has a secret that its sender proves itself with.
	Proved

	standings // how many there are
)
