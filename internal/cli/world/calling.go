package world

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/calls"
	"cloudpay/internal/cli/moment"
	"cloudpay/internal/emulator/console"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
)

// beijing is the time zone of a time without one, as the console shows times.
var beijing = time.FixedZone("", 8*60*60)

// calling makes the requests of the console's calls, as `cloudpay invoke` does: the console has no
// way of its own to call a function, and none to a token.
type calling struct {
	// to is the emulator, as it describes itself when the console starts. What a redeployment
	// changes is not read from it: the functions are asked for at each call.
	to desk.Description
	// file is where the same description stands, for people and scripts.
	file string
}

// newCalling is for the emulator in a folder.
func newCalling(to desk.Description, dir string) *calling {
	return &calling{to, filepath.Join(dir, desk.File)}
}

// Triggers are all, as they reach a function on a runtime.
func (*calling) Triggers(runtime string) []console.Trigger {
	offers := calls.Offers(platform.Runtime(runtime))
	all := make([]console.Trigger, 0, len(offers))
	for _, o := range offers {
		all = append(all, console.Trigger{
			Name: o.Name, Meaning: o.Meaning, Callers: o.Callers, IsRequest: o.IsRequest, IsTimer: o.IsTimer,
		})
	}
	return all
}

// Prepare makes the request of a call, which has not been sent, and read, which takes the
// function's answer out of the cloud's. The error has a line for each fault, in the words of the
// form.
func (c *calling) Prepare(ctx context.Context, call console.Call) (request *http.Request, read console.Reading, err error) {
	sent := calls.Call{
		Function: call.Function, Trigger: cmp.Or(call.Trigger, calls.Direct), Method: call.Method, Path: call.Path,
	}
	if call.Data != "" {
		sent.Data = []byte(call.Data)
	}
	var faults []error
	if call.As != "" {
		if sent.As, err = calls.ParseCaller(call.As); err != nil {
			faults = append(faults, bilingual.Errorf("the caller (as): %w", "调用方（as）：%w", err))
		}
	}
	if call.At != "" {
		at, is := moment.Time(call.At, beijing)
		if !is {
			faults = append(faults, bilingual.Errorf("at: must be a time such as 2026-11-29T18:30:00+08:00, not %q",
				"at：须为时间，如 2026-11-29T18:30:00+08:00，而不是 %q", call.At))
		}
		sent.At = at
	}
	checked, err := sent.Check(ctx, c.to)
	if err = errors.Join(append(faults, err)...); err != nil {
		return nil, nil, withoutDashes(err)
	}
	request, err = checked.Request(ctx)
	return request, func(status int, header http.Header, body []byte) ([]byte, error) {
		got, err := checked.Answer(&http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body))})
		return got.Body, err
	}, err
}

// Tokens are the secrets that a request may have, by the variables of the file in which the
// description has them.
func (c *calling) Tokens() (file string, tokens map[string]string) {
	tokens = map[string]string{}
	for _, name := range []string{"CLOUDPAY_SERVICE_TOKEN", "CLOUDPAY_HTTP_TOKEN", "CLOUDPAY_TIMER_TOKEN"} {
		if token, _, _ := strings.Cut(c.to.Env[name], " "); token != "" {
			tokens[name] = token
		}
	}
	return c.file, tokens
}

// flagDashes begin the names of invoke's flags in its faults: a form has none. Other commands'
// flags keep theirs.
var flagDashes = regexp.MustCompile(`--(trigger|as|data|method|path|at)\b`)

// withoutDashes is an error about flags as one about the members of the same names.
func withoutDashes(err error) error {
	text := bilingual.Wording(err)
	return bilingual.Errorf("%s", "%s", bilingual.New(flagDashes.ReplaceAllString(text.EN, "$1"), flagDashes.ReplaceAllString(text.ZH, "$1")))
}
