package hosting_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/telemetry"
)

// A request's own name counts from senders whose head proves something, SCF's where SCF wrote it,
// and a secret's never.
func TestWhoMayNameARequest(t *testing.T) {
	t.Parallel()
	const token = "service-kR7vQm2wZp9TnW4b"
	fn := hosting.Function{IsSecret: func(text string) bool { return text == token }}
	for name, test := range map[string]struct {
		header, id string
		standing   hosting.Standing
		onSCF      bool
		counts     bool
	}{
		"of a proved sender":             {"X-Request-Id", "r-1", hosting.Proved, false, true},
		"of a user that a gateway names": {"X-Request-Id", "r-1", hosting.Named, false, true},
		"of an unproved sender":          {"X-Request-Id", "r-1", hosting.Unproved, false, false},
		"of a refused sender":            {"X-Request-Id", "r-1", hosting.Refused, false, false},
		"a token, of a proved sender":    {"X-Request-Id", token, hosting.Proved, false, false},
		"a token, of a refused sender":   {"X-Request-Id", token, hosting.Refused, false, false},
		"SCF's":                          {"X-Scf-Request-Id", "r-1", hosting.Refused, true, true},
		"SCF's, in a container":          {"X-Scf-Request-Id", "r-1", hosting.Refused, false, false},
		"a token as SCF's":               {"X-Scf-Request-Id", token, hosting.Proved, true, false},
		"another beside SCF's":           {"X-Request-Id", "r-1", hosting.Unproved, true, false},
	} {
		header := http.Header{}
		header.Set(test.header, test.id)
		if got := hosting.WebRequestID(header, fn, test.standing, test.onSCF); (got == test.id) != test.counts || got == "" {
			t.Errorf("%s: got %q, want it to count: %t", name, got, test.counts)
		}
	}
}

// A token that came as a request's name is neither in its answer, nor in the log, nor given to the
// handler.
func TestTokenAsARequestsName(t *testing.T) {
	t.Parallel()
	const token = "service-kR7vQm2wZp9TnW4b"
	var log strings.Builder
	logger := telemetry.New(&log, slog.LevelInfo)
	fn := hosting.Function{
		IsSecret: func(text string) bool { return text == token },
		HandleHTTP: func(ctx context.Context, inv hosting.Invocation, r hosting.Request) (hosting.Response, error) {
			logger.InfoContext(ctx, "called", "id", inv.RequestID, "requestId", r.ID)
			return hosting.Response{Status: 200}, nil
		},
	}
	request := httptest.NewRequest(http.MethodGet, "/queryorder", http.NoBody)
	request.Header.Set("X-Request-Id", token)
	answer := httptest.NewRecorder()
	hosting.AnswerFunction(answer, request, fn)
	text, err := io.ReadAll(answer.Result().Body)
	if err != nil || answer.Code != http.StatusOK || answer.Header().Get("X-Request-Id") == "" {
		t.Fatalf("got status %d, %s, error %v", answer.Code, text, err)
	}
	if said := answer.Header().Get("X-Request-Id") + log.String() + string(text); strings.Contains(said, token) {
		t.Errorf("the token is in %s", said)
	}
}
