package v2xml_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/beevik/etree"

	"cloudpay/pkg/v2xml"
)

// A call is measured against its floor: etree alone, building the same request to bytes and parsing
// the same reply's bytes. What is above the floor is ours: nonce, two signatures, the checks,
// net/http's client. There is no network in either. The promise is at most 1.5 times the floor.
//
//	go test -run '^$' -bench . ./pkg/v2xml

// memory is a gateway in memory that answers each request with the same bytes, at as little cost as
// can be.
type memory struct {
	reply []byte
	asked []byte // the last request
	keep  bool   // whether to remember it
}

func (m *memory) RoundTrip(req *http.Request) (*http.Response, error) {
	if m.keep {
		m.asked, _ = io.ReadAll(req.Body)
	}
	_ = req.Body.Close()
	return &http.Response{
		StatusCode: http.StatusOK, Request: req,
		ContentLength: int64(len(m.reply)), Body: io.NopCloser(bytes.NewReader(m.reply)),
	}, nil
}

func BenchmarkClose(b *testing.B) {
	client, gateway := inMemory(closeReply())
	call := func() error {
		_, err := client.CloseOrder(b.Context(), v2xml.Request{OutTradeNo: orderNo})
		return err
	}
	paired(b, call, floor(b, gateway, call))
}

func BenchmarkQuery(b *testing.B) {
	client, gateway := inMemory(queryReply())
	call := func() error {
		_, err := client.QueryOrder(b.Context(), v2xml.Request{OutTradeNo: orderNo})
		return err
	}
	paired(b, call, floor(b, gateway, call))
}

// floor builds, from its elements, the request that call makes of gateway, and parses the reply.
func floor(b *testing.B, gateway *memory, call func() error) func() error {
	b.Helper()
	gateway.keep = true
	if err := call(); err != nil {
		b.Fatal(err)
	}
	gateway.keep = false
	elements := elementsOf(b, gateway.asked)
	return func() error {
		doc := etree.NewDocument()
		root := doc.CreateElement("xml")
		for _, e := range elements {
			root.CreateElement(e.name).SetText(e.value)
		}
		request, err := doc.WriteToBytes()
		if err != nil || len(request) != len(gateway.asked) {
			return fmt.Errorf("built %d bytes, error %w; the call sends %d", len(request), err, len(gateway.asked))
		}
		return etree.NewDocument().ReadFromBytes(gateway.reply)
	}
}

// paired runs a call and its floor in turns, so that a busy machine slows both alike, and reports
// the call's median time and its ratio to the floor's.
func paired(b *testing.B, call, floor func() error) {
	b.Helper()
	var calls, floors []float64
	for b.Loop() {
		calls, floors = append(calls, timed(b, call)), append(floors, timed(b, floor))
	}
	b.ReportMetric(median(calls), "ns/op")
	b.ReportMetric(median(floors), "ns/floor")
	b.ReportMetric(median(calls)/median(floors), "x-floor")
}

func timed(b *testing.B, f func() error) float64 {
	b.Helper()
	start := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return float64(time.Since(start).Nanoseconds())
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// inMemory returns a client whose gateway answers with reply.
func inMemory(reply []byte) (*v2xml.Client, *memory) {
	gateway := &memory{reply: reply}
	return &v2xml.Client{
		AppID: appID, MchID: mchID, Key: key, HTTPClient: &http.Client{Transport: gateway},
	}, gateway
}
