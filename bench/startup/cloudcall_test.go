package startup_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/platform"
)

// BenchmarkCloudCall calls a warm hello through the emulated cloud's API, as an SDK does, and in
// turns directly over net/rpc, which is the floor. It reports both medians and what the cloud adds:
// HTTP, the event's checks, the log's lines and the ping before each event. That is at most one
// millisecond.
func BenchmarkCloudCall(b *testing.B) {
	direct, _, _ := greeter(b).start(b, eventFor("warm"))
	b.Cleanup(direct.stop)
	address := cloudBefore(b)
	var floor, cloud samples
	for n := 0; b.Loop(); n++ {
		event := eventFor(fmt.Sprintf("A%d", n))
		begin := time.Now()
		answer, err := direct.invoke(event)
		floor = append(floor, time.Since(begin))
		if err == nil {
			err = checkGreeting(answer, fmt.Sprintf("A%d", n))
		}
		if err != nil {
			b.Fatal(err)
		}
		begin = time.Now()
		answer = post(b, address, event)
		cloud = append(cloud, time.Since(begin))
		if err := checkGreeting(answer, fmt.Sprintf("A%d", n)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op") // of a turn: it would be taken for a call's
	b.ReportMetric(milliseconds(floor.median()), "rpc-ms")
	b.ReportMetric(milliseconds(cloud.median()), "cloud-ms")
	b.ReportMetric(milliseconds(cloud.median()-floor.median()), "added-ms")
}

// cloudBefore is the address of a warm hello in an emulated cloud.
func cloudBefore(b *testing.B) string {
	b.Helper()
	f, err := platform.Start(b.Context(), platform.Spec{Name: hello, Binary: binary(b, hello), Runtime: platform.Go1, Log: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	server := httptest.NewServer(&platform.Cloud{Functions: map[string]*platform.Function{hello: f}})
	b.Cleanup(server.Close)
	address := server.URL + "/v1/functions/" + hello
	post(b, address, eventFor("warm"))
	return address
}

// post makes one call.
func post(b *testing.B, address string, event []byte) []byte {
	b.Helper()
	response, err := http.Post(address, "application/json", strings.NewReader(string(event)))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		b.Fatalf("%d %s: %v", response.StatusCode, answer, err)
	}
	return answer
}
