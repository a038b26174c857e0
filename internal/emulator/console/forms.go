package console

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// maxPage bounds all that is read for one page. Each call has a limit of its own (maxCall), and a
// page of orders makes fifty: a management API that answers each at the last moment would keep a
// page for minutes. What was not read in time is said on the page. An action has the time of its
// calls besides: an advance, and the wait for the timers.
const maxPage = 30 * time.Second

// bounded gives a handler its time, and a form its reading: all but the stream, which ends when its
// reader goes.
func (c *Console) bounded(pattern string, next http.HandlerFunc) http.HandlerFunc {
	limit := maxPage
	switch method, path, _ := strings.Cut(pattern, " "); {
	case path == "/stream":
		return next
	case method == http.MethodPost:
		limit += 2 * maxAction
		if !readsItself[path] {
			next = c.formed(next)
		}
	}
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		next(w, r.WithContext(ctx))
	}
}

// readsItself are the forms that may be longer than maxForm, and say by themselves what is wrong
// with them.
var readsItself = map[string]bool{"/invoke": true, "/explain": true, "/faults/scenario": true}

// formed reads a form whole before anything is done. A form that cannot be read is refused: its
// fields would count as empty, and an empty amount refunds everything, an empty openid closes as
// the payer.
func (c *Console) formed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		err := readForm(r)
		if err == nil {
			next(w, r)
			return
		}
		status := http.StatusBadRequest
		if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
			status = http.StatusRequestEntityTooLarge
		}
		said := bilingual.Sprintf("nothing was done, since the form cannot be read: %s", "未作任何操作，因为无法读取表单：%s", bilingual.Wording(err))
		c.fail(w, r, "", &apiError{status, said.In(languageOf(r).Chinese)})
	}
}

// errNoForm is said of a body of another type. It would be read as a form without fields.
var errNoForm = bilingual.Errorf("its Content-Type is none of a form", "其 Content-Type 不是表单的类型")

// readForm reads a form in either way that browsers write one. A request without a body has no
// fields: it is a button.
func readForm(r *http.Request) error {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // empty if it is none
	switch {
	case kind == "application/x-www-form-urlencoded":
		return r.ParseForm()
	case kind == "multipart/form-data":
		return r.ParseMultipartForm(maxForm)
	case r.ContentLength == 0:
		return nil
	default:
		return errNoForm
	}
}
