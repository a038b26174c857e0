package event_test

import (
	"encoding/json"
	"testing"
	"time"

	"cloudpay/internal/trigger/event"
)

// BenchmarkDecode reads events, and reports how long that takes beside json.Valid on the same
// bytes, which reads them and does nothing.
func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"call", "functionurl", "awshttp-jwt", "sqs-two", "timer"} {
		b.Run(name, func(b *testing.B) {
			payload := fixture(b, name)
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				if _, fault := event.Decode(payload); fault != nil {
					b.Fatal(fault)
				}
			}
			b.StopTimer()
			ours := quickest(func() { event.Decode(payload) })
			theirs := quickest(func() { json.Valid(payload) })
			b.ReportMetric(ours.Seconds()/theirs.Seconds(), "×json.Valid")
		})
	}
}

// quickest is the best of many rounds of f: what f takes when nothing else runs.
func quickest(f func()) time.Duration {
	best := time.Hour
	for range 100 {
		start := time.Now()
		for range 200 {
			f()
		}
		best = min(best, time.Since(start))
	}
	return best
}
