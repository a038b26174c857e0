package event_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	scfevents "github.com/tencentyun/scf-go-lib/events"

	"cloudpay/internal/hosting"
	"cloudpay/internal/trigger/event"
)

// TestReplies answers each fixture that has a reply of its platform's own, and wants it to be the
// file in testdata/replies, byte for byte: for HTTP what the platforms document, for SQS the first
// message given back.
func TestReplies(t *testing.T) {
	t.Parallel()
	replies := map[string][]byte{}
	for name := range fixtures() {
		e, _ := event.Decode(fixture(t, name))
		switch {
		case e.Kind == event.HTTP:
			replies[name] = e.EncodeResponse(hosting.Response{
				Status: http.StatusConflict,
				Header: map[string]string{"content-type": "application/json", "cache-control": "no-store"},
				Body:   []byte(`{"outcome":"paid","attach":"<关单> & \""}`),
			})
		case e.TakesFailures():
			reply, err := e.EncodeFailures([]string{e.Messages[0].ID})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			replies[name] = reply
		}
	}
	files, err := filepath.Glob("testdata/replies/*.json")
	if err != nil || len(files) != len(replies) {
		t.Errorf("got %d files and error %v, want one for each of %d replies", len(files), err, len(replies))
	}
	for name, got := range replies {
		if want := bytes.TrimSuffix(fixture(t, "replies/"+name), []byte("\n")); !bytes.Equal(got, want) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// value is what JSON text means.
func value(t testing.TB, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

func TestEncodeResponseEdges(t *testing.T) {
	t.Parallel()
	for want, response := range map[string]hosting.Response{
		`{"isBase64Encoded":false,"statusCode":204,"headers":{},"body":""}`:              {Status: 204},
		`{"isBase64Encoded":true,"statusCode":200,"headers":{},"body":"/wA="}`:           {Status: 200, Body: []byte{0xff, 0}},
		`{"isBase64Encoded":false,"statusCode":500,"headers":{},"body":"none"}`:          {Body: []byte("none")},
		`{"isBase64Encoded":false,"statusCode":500,"headers":{},"body":"early"}`:         {Status: 199, Body: []byte("early")},
		`{"isBase64Encoded":false,"statusCode":500,"headers":{},"body":"late"}`:          {Status: 600, Body: []byte("late")},
		`{"isBase64Encoded":false,"statusCode":599,"headers":{"a":"b\n"},"body":"last"}`: {Status: 599, Header: map[string]string{"a": "b\n"}, Body: []byte("last")},
	} {
		got := event.Event{Kind: event.HTTP, Form: "web"}.EncodeResponse(response)
		if diff := cmp.Diff(value(t, []byte(want)), value(t, got)); diff != "" {
			t.Errorf("reply (-want +got):\n%s", diff)
		}
	}
}

// TestResponseTypes reads our reply with the types that the platforms' libraries have for theirs.
func TestResponseTypes(t *testing.T) {
	t.Parallel()
	reply := event.Event{}.EncodeResponse(hosting.Response{Status: 201, Header: map[string]string{"a": "b"}, Body: []byte("c")})
	var scf scfevents.APIGatewayResponse
	var rest lambdaevents.APIGatewayProxyResponse
	var v2 lambdaevents.APIGatewayV2HTTPResponse
	var url lambdaevents.LambdaFunctionURLResponse
	for _, into := range []any{&scf, &rest, &v2, &url} {
		if err := json.Unmarshal(reply, into); err != nil {
			t.Errorf("%T: %v", into, err)
		}
	}
	header := map[string]string{"a": "b"}
	for got, want := range map[any]any{
		&scf:  &scfevents.APIGatewayResponse{StatusCode: 201, Headers: header, Body: "c"},
		&rest: &lambdaevents.APIGatewayProxyResponse{StatusCode: 201, Headers: header, Body: "c"},
		&v2:   &lambdaevents.APIGatewayV2HTTPResponse{StatusCode: 201, Headers: header, Body: "c"},
		&url:  &lambdaevents.LambdaFunctionURLResponse{StatusCode: 201, Headers: header, Body: "c"},
	} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%T (-want +got):\n%s", got, diff)
		}
	}
}

func TestEncodeFailures(t *testing.T) {
	t.Parallel()
	sqs, _ := event.Decode(fixture(t, "sqs-two"))
	first, second := sqs.Messages[0].ID, sqs.Messages[1].ID
	unread, _ := event.Decode([]byte(`{"Records":[{"eventSource":"aws:sqs"}]}`))
	const unnamed = "a message must come again that the batch has no ID for, so all %d must"
	for name, test := range map[string]struct {
		event  event.Event
		failed []string
		want   string
		err    string
	}{
		"SQS, none":            {sqs, nil, `{"batchItemFailures":[]}`, ""},
		"SQS, one":             {sqs, []string{second}, `{"batchItemFailures":[{"itemIdentifier":"2e1424d4-f796-459a-8184-9c92662be6da"}]}`, ""},
		"SQS, all, one twice":  {sqs, []string{second, first, second}, `{"batchItemFailures":[{"itemIdentifier":"2e1424d4-f796-459a-8184-9c92662be6da"},{"itemIdentifier":"059f36b4-87a3-44ab-83d2-661975830a7d"}]}`, ""},
		"SQS, another batch's": {sqs, []string{"x"}, "", fmt.Sprintf(unnamed, 2)},
		"SQS, no name":         {sqs, []string{""}, "", fmt.Sprintf(unnamed, 2)},
		"SQS, unreadable":      {unread, []string{"#0"}, "", fmt.Sprintf(unnamed, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.event.EncodeFailures(test.failed)
			if text := fmt.Sprint(err); err != nil && text != test.err || err == nil && test.err != "" {
				t.Errorf("got error %q, want %q", text, test.err)
			}
			if string(got) != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// FuzzEncodeResponse wants back, out of the reply, what went into it.
func FuzzEncodeResponse(f *testing.F) {
	f.Add(200, "content-type", "application/json", []byte(`{"a":"<&>"}`))
	f.Add(-1, "", "\r\n", []byte{0xff, 0xfe})
	f.Fuzz(func(t *testing.T, status int, name, text string, body []byte) {
		sent := hosting.Response{Status: status, Header: map[string]string{name: text}, Body: body}
		var got lambdaevents.LambdaFunctionURLResponse
		if err := json.Unmarshal(event.Event{}.EncodeResponse(sent), &got); err != nil {
			t.Fatal(err)
		}
		if valid := status >= 200 && status <= 599; valid && got.StatusCode != status || !valid && got.StatusCode != http.StatusInternalServerError {
			t.Errorf("got status %d for %d", got.StatusCode, status)
		}
		read := []byte(got.Body)
		if got.IsBase64Encoded {
			var err error
			if read, err = base64.StdEncoding.DecodeString(got.Body); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(read, body) {
			t.Errorf("got body %q, want %q", read, body)
		}
		if value, there := got.Headers[strings.ToValidUTF8(name, "\ufffd")]; there && value != text && strings.ToValidUTF8(text, "") == text {
			t.Errorf("got header %q, want %q", value, text)
		}
	})
}

// FuzzEncodeFailures wants each failed message in the reply once, or an error.
func FuzzEncodeFailures(f *testing.F) {
	f.Add(fixture(f, "sqs-two"), "2e1424d4-f796-459a-8184-9c92662be6da", uint8(1))
	f.Add([]byte(`{"Records":[{"eventSource":"aws:sqs"}]}`), "#0", uint8(0))
	f.Fuzz(func(t *testing.T, payload []byte, failed string, which uint8) {
		e, fault := event.Decode(payload)
		if fault != nil || !e.TakesFailures() {
			return
		}
		named := e.Messages[int(which)%len(e.Messages)].ID
		for _, ids := range [][]string{nil, {named, named}, {named, failed}} {
			reply, err := e.EncodeFailures(ids)
			if (reply == nil) == (err == nil) {
				t.Fatalf("got reply %q and error %v, want one of them", reply, err)
			}
			if err != nil && len(ids) == 0 {
				t.Fatalf("got error %v with nothing failed", err)
			}
			if err != nil {
				continue
			}
			var got lambdaevents.SQSEventResponse
			if err := json.Unmarshal(reply, &got); err != nil {
				t.Fatal(err)
			}
			want := map[string]bool{}
			for _, id := range ids {
				want[id] = true
			}
			if len(got.BatchItemFailures) != len(want) {
				t.Errorf("got %d failures, want %d", len(got.BatchItemFailures), len(want))
			}
			for _, failure := range got.BatchItemFailures {
				if !want[failure.ItemIdentifier] {
					t.Errorf("got %q among the failures, want only %q", failure.ItemIdentifier, ids)
				}
			}
		}
	})
}
