package event_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	scfevents "github.com/tencentyun/scf-go-lib/events"

	"cloudpay/internal/trigger/event"
)

// TestEncodeResponse answers each HTTP fixture, and wants the reply to be what the platforms document, member for member.
func TestEncodeResponse(t *testing.T) {
	t.Parallel()
	const want = `{"isBase64Encoded":false,"statusCode":409,"headers":{"cache-control":"no-store","content-type":"application/json"},` +
		`"body":"{\"outcome\":\"paid\",\"attach\":\"<关单> & \\\"\"}"}`
	answered := 0
	for name := range fixtures() {
		e, _ := event.Decode(fixture(t, name))
		if e.Kind != event.HTTP {
			continue
		}
		answered++
		got := e.EncodeResponse(event.Response{
			Status: http.StatusConflict,
			Header: map[string]string{"content-type": "application/json", "cache-control": "no-store"},
			Body:   []byte(`{"outcome":"paid","attach":"<关单> & \""}`),
		})
		if diff := cmp.Diff(value(t, []byte(want)), value(t, got)); diff != "" {
			t.Errorf("%s: reply (-want +got):\n%s", name, diff)
		}
	}
	if answered != 12 {
		t.Errorf("got %d HTTP events, want 12", answered)
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
	for want, response := range map[string]event.Response{
		`{"isBase64Encoded":false,"statusCode":204,"headers":{},"body":""}`:              {Status: 204},
		`{"isBase64Encoded":true,"statusCode":200,"headers":{},"body":"/wA="}`:           {Status: 200, Body: []byte{0xff, 0}},
		`{"isBase64Encoded":false,"statusCode":500,"headers":{},"body":"none"}`:          {Body: []byte("none")},
		`{"isBase64Encoded":false,"statusCode":500,"headers":{},"body":"early"}`:         {Status: 199, Body: []byte("early")},
		`{"isBase64Encoded":false,"statusCode":500,"headers":{},"body":"late"}`:          {Status: 600, Body: []byte("late")},
		`{"isBase64Encoded":false,"statusCode":599,"headers":{"a":"b\n"},"body":"last"}`: {Status: 599, Header: map[string]string{"a": "b\n"}, Body: []byte("last")},
	} {
		got := event.Event{Kind: event.HTTP, Form: event.FormWeb}.EncodeResponse(response)
		if diff := cmp.Diff(value(t, []byte(want)), value(t, got)); diff != "" {
			t.Errorf("reply (-want +got):\n%s", diff)
		}
	}
}

// TestResponseTypes reads our reply with the types that the platforms' libraries have for theirs.
func TestResponseTypes(t *testing.T) {
	t.Parallel()
	reply := event.Event{}.EncodeResponse(event.Response{Status: 201, Header: map[string]string{"a": "b"}, Body: []byte("c")})
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

func TestEncodeBatch(t *testing.T) {
	t.Parallel()
	sqs, _ := event.Decode(fixture(t, "sqs-two"))
	first, second := sqs.Messages[0].ID, sqs.Messages[1].ID
	ckafka, _ := event.Decode(fixture(t, "ckafka"))
	cmq, _ := event.Decode(fixture(t, "cmq"))
	tdmq, _ := event.Decode(fixture(t, "tdmq"))
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
		"CKafka, none":         {ckafka, nil, `{"messages":1}`, ""},
		"CKafka, one":          {ckafka, []string{"test-topic/1/36"}, "", "1 of 1 messages must come again, and ckafka takes back whole batches only"},
		"CMQ, none":            {cmq, []string{}, `{"messages":1}`, ""},
		"CMQ, one":             {cmq, []string{"123345346"}, "", "1 of 1 messages must come again, and cmq takes back whole batches only"},
		"TDMQ, none":           {tdmq, nil, `{"messages":1}`, ""},
		"TDMQ, one":            {tdmq, []string{"123345346"}, "", "1 of 1 messages must come again, and tdmq takes back whole batches only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.event.EncodeBatch(test.failed)
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
		sent := event.Response{Status: status, Header: map[string]string{name: text}, Body: body}
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

// FuzzEncodeBatch wants each failed message in the reply once, or an error.
func FuzzEncodeBatch(f *testing.F) {
	f.Add(fixture(f, "sqs-two"), "2e1424d4-f796-459a-8184-9c92662be6da", uint8(1))
	f.Add(fixture(f, "ckafka"), "test-topic/1/36", uint8(1))
	f.Add([]byte(`{"Records":[{"eventSource":"aws:sqs"}]}`), "#0", uint8(0))
	f.Fuzz(func(t *testing.T, payload []byte, failed string, which uint8) {
		e, fault := event.Decode(payload)
		if fault != nil || e.Kind != event.Queue {
			return
		}
		named := e.Messages[int(which)%len(e.Messages)].ID
		for _, ids := range [][]string{nil, {named, named}, {named, failed}} {
			reply, err := e.EncodeBatch(ids)
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
