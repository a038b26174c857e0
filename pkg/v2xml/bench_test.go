package v2xml_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/beevik/etree"

	"cloudpay/pkg/v2xml"
)

// A call is measured against its floor: etree alone, building the same request to bytes and parsing the same reply's bytes.
// What is above the floor is ours: nonce, two signatures, the checks, net/http's client. There is no network in either.
//
//	go test -run '^$' -bench . -count 6 ./pkg/v2xml

// memory is a gateway in memory that answers each request with the same bytes, at as little cost as can be.
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
	client, _ := inMemory(closeReply())
	for b.Loop() {
		if _, err := client.CloseOrder(b.Context(), v2xml.CloseRequest{OutTradeNo: orderNo}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCloseFloor(b *testing.B) {
	client, gateway := inMemory(closeReply())
	gateway.keep = true
	if _, err := client.CloseOrder(b.Context(), v2xml.CloseRequest{OutTradeNo: orderNo}); err != nil {
		b.Fatal(err)
	}
	benchmarkFloor(b, gateway)
}

func BenchmarkQuery(b *testing.B) {
	client, _ := inMemory(queryReply())
	for b.Loop() {
		if _, err := client.QueryOrder(b.Context(), v2xml.QueryRequest{OutTradeNo: orderNo}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQueryFloor(b *testing.B) {
	client, gateway := inMemory(queryReply())
	gateway.keep = true
	if _, err := client.QueryOrder(b.Context(), v2xml.QueryRequest{OutTradeNo: orderNo}); err != nil {
		b.Fatal(err)
	}
	benchmarkFloor(b, gateway)
}

// benchmarkFloor builds the request that gateway remembers, from its elements, and parses the reply.
func benchmarkFloor(b *testing.B, gateway *memory) {
	b.Helper()
	elements := elementsOf(b, gateway.asked)
	for b.Loop() {
		doc := etree.NewDocument()
		root := doc.CreateElement("xml")
		for _, e := range elements {
			root.CreateElement(e.name).SetText(e.value)
		}
		request, err := doc.WriteToBytes()
		if err != nil || len(request) != len(gateway.asked) {
			b.Fatalf("built %d bytes, error %v; the call sends %d", len(request), err, len(gateway.asked))
		}
		if err := etree.NewDocument().ReadFromBytes(gateway.reply); err != nil {
			b.Fatal(err)
		}
	}
}

// inMemory returns a client whose gateway answers with reply.
func inMemory(reply []byte) (*v2xml.Client, *memory) {
	gateway := &memory{reply: reply}
	return &v2xml.Client{
		AppID: appID, MchID: mchID, Key: key, HTTPClient: &http.Client{Transport: gateway},
	}, gateway
}
