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

	"cloudpay/internal/hosting"
)

// EncodeResponse encodes an HTTP response for e's platform. One shape fits all: statusCode,
// headers, body and isBase64Encoded are what the function URL, API Gateway, CloudBase's access
// service and both of Lambda's payloads read (SCF doc 583/12513). Multi-value headers, which only
// some of them know, are not needed. A body that is not UTF-8 goes in base64. An invalid status
// becomes 500.
func (e Event) EncodeResponse(r hosting.Response) []byte {
	reply := scfevents.APIGatewayResponse{StatusCode: r.Status, Headers: r.Header, Body: string(r.Body)}
	if r.Status < http.StatusOK || r.Status > 599 {
		reply.StatusCode = http.StatusInternalServerError
	}
	if reply.Headers == nil {
		reply.Headers = map[string]string{} // null is no object to a strict gateway
	}
	if !utf8.Valid(r.Body) {
		reply.Body, reply.IsBase64Encoded = base64.StdEncoding.EncodeToString(r.Body), true
	}
	text, _ := json.Marshal(reply)
	return text
}

// EncodeFailures encodes the reply that tells SQS which messages of its event e, by Message.ID, to
// redeliver: batchItemFailures, each message once, empty if none failed. It counts only where the
// trigger is set to ReportBatchItemFailures; a batch that failed as a whole is better answered with
// an error, which works without that setting. The other queues have no such reply.
//
// The error is non-nil if a failed message has no ID of its own, so that no reply can name it: the
// function must then fail, and the whole batch is redelivered.
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

// TakesFailures reports whether e's platform reads EncodeFailures: SQS only.
func (e Event) TakesFailures() bool { return e.Form == formSQS }
