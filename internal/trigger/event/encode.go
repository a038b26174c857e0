package event

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	scfevents "github.com/tencentyun/scf-go-lib/events"
)

// EncodeResponse gives an HTTP response in the shape that e's platform takes for one. It is one for all: statusCode,
// headers, body and isBase64Encoded are what the function URL, API Gateway, CloudBase's access service, Lambda's both
// payloads and our own server read. Multi-value headers, which only some of them know, are not needed. A body that is
// not UTF-8 goes in base64. A status that is none becomes 500.
func (e Event) EncodeResponse(r Response) []byte {
	reply := scfevents.APIGatewayResponse{StatusCode: r.Status, Headers: r.Header, Body: string(r.Body)}
	if r.Status < http.StatusOK || r.Status > 599 {
		reply.StatusCode = http.StatusInternalServerError
	}
	if reply.Headers == nil {
		reply.Headers = map[string]string{} // null is no object to a gateway that is strict
	}
	if !utf8.Valid(r.Body) {
		reply.Body, reply.IsBase64Encoded = base64.StdEncoding.EncodeToString(r.Body), true
	}
	text, _ := json.Marshal(reply)
	return text
}

// EncodeFailures is the reply that tells SQS which messages of its event e, by Message.ID, are to come again:
// batchItemFailures, each message once, none if none failed. It counts only where the trigger is set to
// ReportBatchItemFailures; where it may not be, a batch of which everything failed is better answered with an error. The
// other queues know no such reply.
//
// An error says that no reply can name the failed ones, so the function must fail for the whole batch to come again: a
// message whose own ID could not be read has none.
func (e Event) EncodeFailures(failed []string) ([]byte, error) {
	named := map[string]bool{} // -> it is in the reply
	for _, m := range e.Messages {
		named[m.ID] = false
	}
	reply := lambdaevents.SQSEventResponse{BatchItemFailures: []lambdaevents.SQSBatchItemFailure{}}
	for _, id := range failed {
		listed, known := named[id]
		switch {
		case !known || id == "" || strings.HasPrefix(id, "#"):
			return nil, fmt.Errorf("a message must come again that the batch has no ID for, so all %d must", len(e.Messages))
		case !listed:
			named[id] = true
			reply.BatchItemFailures = append(reply.BatchItemFailures, lambdaevents.SQSBatchItemFailure{ItemIdentifier: id})
		}
	}
	text, _ := json.Marshal(reply)
	return text, nil
}
