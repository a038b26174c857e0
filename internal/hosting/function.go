package hosting

import (
	"io"
	"log/slog"
)

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
	// IsSecret reports whether a text is one of the function's secrets, which must not become a
	// request ID. Nil: no text is.
	IsSecret func(text string) bool
	// Broken is why the function cannot serve; nil if it can. It is logged once, at the start. The
	// handlers then answer every call with the fault; a container ends instead.
	Broken error
	// Log becomes the default logger of the process when the function is started, for records
	// without a logger of their own: libraries', and those of panics that are caught here. Nil: the
	// default stays.
	Log *slog.Logger
	// MemoryMB is the function's memory by the platform's word; 0: unknown.
	MemoryMB int
	// End closes what the handlers have open. It is called before the process ends by itself. Nil:
	// nothing is to be closed.
	End func()
}

// Build makes a function from an environment (in the form of [os.Environ]). The function's log goes
// to logs, which the platforms collect line by line. An error means that nothing can be served, not
// even Broken; it says what to do.
type Build func(environ []string, logs io.Writer) (Function, error)

// Standing is what the head of an HTTP request proves of its sender. Each standing has places of
// its own in the web server (see limits), so that requests of one standing, however many and
// however slow, take nothing from those of another. Another kind of request, such as one that its
// body proves, is another standing with a row there.
type Standing int

const (
	// Refused: the head proves nothing, and no body could. The body is not read, and the handler is
	// called with Invocation.Withheld for its refusal.
	Refused Standing = iota
	// Unproved: the head proves nothing, and the body may.
	Unproved
	// Notified: the head proves nothing, and the body may be a payment notification, which WeChat
	// Pay's signature proves.
	Notified
	// Named: the head names a user, by the word of a gateway that cannot be bypassed, or by an
	// access token that was verified.
	Named
	// Proved: the head has one of the function's secrets.
	Proved

	standings // how many there are
)
