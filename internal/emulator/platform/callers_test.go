package platform_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// On warm instances 64 callers at once are all answered, each for itself, and no process is started
// for them.
func TestManyCallersOnWarmInstances(t *testing.T) {
	t.Parallel()
	const callers = 64
	for _, r := range []platform.Runtime{platform.Go1, platform.Lambda} {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			c := serveCloud(t, &platform.Cloud{}, as(r))
			warm(t, c.function, callers)
			var all sync.WaitGroup
			for i := range callers {
				all.Go(func() {
					event := fmt.Sprintf(`{"Do":"hello","Text":"%d"}`, i)
					response, err := http.Post(c.url+"/v1/functions/hello", "application/json", strings.NewReader(event))
					if err != nil {
						t.Errorf("caller %d: %v", i, err)
						return
					}
					defer func() { _ = response.Body.Close() }()
					body, err := io.ReadAll(response.Body)
					if want := fmt.Sprintf(`"Hello %d"`, i); err != nil || response.StatusCode != http.StatusOK || string(body) != want {
						t.Errorf("caller %d: got %d %s (%v), want %s", i, response.StatusCode, body, err, want)
					}
				})
			}
			all.Wait()
			if got := c.function.Live(); got != callers {
				t.Errorf("processes: got %d, want the %d that were warm", got, callers)
			}
		})
	}
}

// warm starts so many instances: each is kept in the middle of an event until all are there.
func warm(t *testing.T, f *function, instances int) {
	t.Helper()
	m := openMeeting(t)
	var calls []<-chan outcome
	var guests []guest
	for range instances {
		calls = append(calls, f.invokeAside(t.Context(), m.event()))
		guests = append(guests, m.await())
	}
	for i, g := range guests {
		g.letGo(t)
		if got := <-calls[i]; got.err != nil || got.reply.Err != nil {
			t.Fatalf("warming up: %v, %v", got.err, got.reply.Err)
		}
	}
}
