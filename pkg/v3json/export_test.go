package v3json

import "encoding/json"

// RequestMessage is the canonical message of a request, for the published vectors of other calls than ours.
func RequestMessage(method, uri, timestamp, nonce, body string) string {
	return requestMessage(question{method: method, body: body, nonce: nonce}, uri, timestamp)
}

// DecodeTransaction and Describe let fuzzing go without RSA.
func DecodeTransaction(body []byte) (Transaction, string) { return decodeTransaction(body) }

func Describe(detail json.RawMessage) string { return describe(detail) }

func OneLine(s string) string { return oneLine(s) }

func Name(s string) string { return name(s) }
