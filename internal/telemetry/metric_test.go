package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/telemetry"
)

var metrics = []telemetry.Metric{
	{Name: "waiting", Unit: "Count", Value: 3, Help: "orders that wait"},
	{Name: "oldestDueSeconds", Unit: "Seconds", Value: 1.5, Help: "how long the oldest is due"},
}

// TestEMF reads a log line as CloudWatch does: each metric and dimension that is declared is a
// member of the line itself.
func TestEMF(t *testing.T) {
	t.Parallel()
	var line bytes.Buffer
	at := time.UnixMilli(1_800_000_000_123)
	telemetry.New(&line, slog.LevelInfo).LogAttrs(t.Context(), slog.LevelInfo, "sweep",
		telemetry.EMF(at, []slog.Attr{slog.String("mchId", "1900000001")}, metrics)...)
	var got struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	var members map[string]any
	if err := json.Unmarshal(line.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line.Bytes(), &members); err != nil {
		t.Fatal(err)
	}
	declared := got.AWS.CloudWatchMetrics[0]
	if got.AWS.Timestamp != at.UnixMilli() || declared.Namespace != "cloudpay" || len(declared.Metrics) != len(metrics) {
		t.Errorf("got %+v, want the time, the namespace and the metrics", got.AWS)
	}
	for _, metric := range declared.Metrics {
		if _, is := members[metric.Name].(float64); !is || metric.Unit == "" {
			t.Errorf("got %v for %s (%s), want a number with a unit", members[metric.Name], metric.Name, metric.Unit)
		}
	}
	if diff := cmp.Diff([][]string{{"mchId"}}, declared.Dimensions); diff != "" || members["mchId"] != "1900000001" {
		t.Errorf("got the dimensions %v and %v for one (-want +got):\n%s", declared.Dimensions, members["mchId"], diff)
	}
}

func TestPrometheus(t *testing.T) {
	t.Parallel()
	got := telemetry.Prometheus([]slog.Attr{slog.String("region", "cn"), slog.String("mchId", `1"2`)}, metrics)
	const want = `# HELP cloudpay_waiting orders that wait
# TYPE cloudpay_waiting gauge
cloudpay_waiting{region="cn",mch_id="1\"2"} 3
# HELP cloudpay_oldest_due_seconds how long the oldest is due
# TYPE cloudpay_oldest_due_seconds gauge
cloudpay_oldest_due_seconds{region="cn",mch_id="1\"2"} 1.5
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
