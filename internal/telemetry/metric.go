package telemetry

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Metric is one figure of a moment.
type Metric struct {
	// Name is in camelCase, as in our JSON.
	Name string
	// Unit is one of CloudWatch's: Count, Seconds, Count/Second.
	Unit  string
	Value float64
	// Help is one line for people.
	Help string
}

// EMF returns the attributes that make a log line a document in CloudWatch's Embedded Metric
// Format: the metrics and dimensions at the line's top level, and the object _aws that declares
// them. On AWS Lambda, CloudWatch makes metrics of such a line, and nothing is sent or linked. The
// format is specified in CloudWatch's user guide, "Specification: Embedded metric format".
func EMF(at time.Time, dimensions []slog.Attr, metrics []Metric) []slog.Attr {
	type definition struct {
		Name string
		Unit string
	}
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []definition
	}
	d := directive{Namespace: "cloudpay", Dimensions: [][]string{nil}}
	attrs := slices.Clone(dimensions)
	for _, dimension := range dimensions {
		d.Dimensions[0] = append(d.Dimensions[0], dimension.Key)
	}
	for _, m := range metrics {
		d.Metrics = append(d.Metrics, definition{m.Name, m.Unit})
		attrs = append(attrs, slog.Float64(m.Name, m.Value))
	}
	return append(attrs, slog.Any("_aws", struct {
		Timestamp         int64
		CloudWatchMetrics []directive
	}{at.UnixMilli(), []directive{d}}))
}

// Prometheus returns metrics in Prometheus's text format, as gauges with the given labels.
// https://prometheus.io/docs/instrumenting/exposition_formats/
func Prometheus(labels []slog.Attr, metrics []Metric) string {
	pairs := make([]string, len(labels))
	for i, label := range labels {
		pairs[i] = snake(label.Key) + "=" + strconv.Quote(label.Value.String())
	}
	var b strings.Builder
	for _, m := range metrics {
		name := "cloudpay_" + snake(m.Name)
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n%s{%s} %s\n",
			name, m.Help, name, name, strings.Join(pairs, ","), strconv.FormatFloat(m.Value, 'g', -1, 64))
	}
	return b.String()
}

// snake makes snake_case of camelCase.
func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
