// Package inspection is what the management API of a running emulator tells of its configuration:
// what is wrong with a request, which settings the functions have, and what doctor finds.
//
//	POST /explain     what `cloudpay explain` says of a text
//	GET /settings     the functions' variables, what they do, and where their values are from
//	GET /doctor       what can be examined
//	POST /doctor      what `cloudpay doctor` finds
//
// The emulators themselves import nothing of the product that they test, so that these calls cannot
// be theirs: the command hands them in (package world). Each is bounded in its body and in how many
// are answered at once, and quotes no key. ?lang=zh has the sentences in Chinese.
package inspection

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
)

// refusal is an error with the status that it is answered with.
type refusal struct {
	status int
	why    bilingual.Text
}

// Error is the sentence in English.
func (r *refusal) Error() string { return r.why.EN }

// Wording is the sentence in both languages.
func (r *refusal) Wording() bilingual.Text { return r.why }

// refuse makes a refusal.
func refuse(status int, en, zh string, values ...any) error {
	return &refusal{status, bilingual.Sprintf(en, zh, values...)}
}

// call is one call of the management API. It returns what to answer as JSON, or an error: a refusal
// with its own status, anything else with 400.
type call func(r *http.Request, in *render.Language) (any, error)

// endpoint is what a path serves: a call for each method.
type endpoint struct {
	calls map[string]call
	// parameters are those that a query may have besides lang.
	parameters []string
	// turns has a place for each request that is answered at the same time; one that finds it full
	// is refused. nil: there is no limit.
	turns chan struct{}
}

// ServeHTTP answers a call, or the error in the management API's form.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := &render.Language{Chinese: r.URL.Query().Get("lang") == "zh"}
	answer, err := e.answer(r, in)
	status := http.StatusOK
	if err != nil {
		status = http.StatusBadRequest
		if refused, is := errors.AsType[*refusal](err); is {
			status = refused.status
		}
		answer = map[string]string{"error": in.Text(bilingual.Wording(err))}
	}
	if status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", strings.Join(e.methods(), ", "))
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(answer); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the caller may have gone
}

// answer finds the call of a method, and makes it when it is its turn.
func (e *endpoint) answer(r *http.Request, in *render.Language) (any, error) {
	does, known := e.calls[r.Method]
	if !known {
		return nil, refuse(http.StatusMethodNotAllowed, "%s is not possible here; possible: %s", "此处不支持 %s；支持：%s",
			r.Method, strings.Join(e.methods(), ", "))
	}
	for name := range r.URL.Query() {
		if name != "lang" && !slices.Contains(e.parameters, name) {
			return nil, refuse(http.StatusBadRequest, "unknown parameter %q; known here: %s", "未知参数 %q；此处可用：%s",
				name, strings.Join(append(e.parameters, "lang"), ", "))
		}
	}
	if e.turns != nil && r.Method != http.MethodGet {
		select {
		case e.turns <- struct{}{}:
			defer func() { <-e.turns }()
		default:
			return nil, refuse(http.StatusTooManyRequests, "another one is being answered: try again when it is done", "正在处理另一个请求：请待其完成后重试")
		}
	}
	return does(r, in)
}

// methods are those that the path has, in alphabetical order.
func (e *endpoint) methods() []string {
	methods := make([]string, 0, len(e.calls))
	for method := range e.calls {
		methods = append(methods, method)
	}
	slices.Sort(methods)
	return methods
}

// readBody reads a body of at most so many bytes. One that is longer is refused whole, before any
// of it is looked at.
func readBody(r *http.Request, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	switch {
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "the body did not arrive whole", "请求正文不完整")
	case int64(len(text)) > most:
		return nil, refuse(http.StatusRequestEntityTooLarge, "the body is longer than %d KiB", "请求正文超过 %d KiB", most>>10)
	}
	return text, nil
}
