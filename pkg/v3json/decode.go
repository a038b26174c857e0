package v3json

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"cloudpay/pkg/wire"
)

const (
	maxDetailDepth = 4
	maxDetailParts = 16
)

// echoKeys are the names that decide what a reply is about, and what it says.
var echoKeys = [...]string{"out_trade_no", "transaction_id", "mchid", "sp_mchid", "sub_mchid", "trade_state", "amount"}

// withoutMark drops a byte order mark, which a reader of JSON may ignore (RFC 8259, 8.1). The
// signature covers it.
func withoutMark(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\uFEFF")) }

var errNoState = errors.New("it has no trade_state")

// overseasKeys are the echoKeys, and the name that WeChat Pay's order number goes by overseas.
var overseasKeys = append(echoKeys[:len(echoKeys):len(echoKeys)], "id")

// decodeTransaction reads the body of a query's 200. The error is one line, the Detail of a
// MalformedError.
func decodeTransaction(body []byte, region Region) (Transaction, error) {
	var sent struct {
		Transaction
		// A string: time.Time refuses an empty one, which stands for none.
		SuccessTime string `json:"success_time"`
	}
	body = withoutMark(body)
	unread, err := decodeReply(body, &sent)
	if err != nil {
		return Transaction{}, err
	}
	if err := sent.readID(body, region); err != nil {
		return Transaction{}, err
	}
	if sent.TradeState == "" { // null has none either
		return Transaction{}, errNoState
	}
	sent.Unread = unread
	sent.Transaction.SuccessTime = parseSuccessTime(sent.SuccessTime, &sent.Unread)
	return sent.Transaction, nil
}

// readID checks the keys of body, and overseas takes TransactionID from id. A reply that calls it
// transaction_id there is understood too, unless the two differ. On the mainland id is ignored.
func (t *Transaction) readID(body []byte, region Region) error {
	if region == Mainland {
		return checkKeys(body, echoKeys[:])
	}
	if err := checkKeys(body, overseasKeys); err != nil {
		return err
	}
	var sent struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		return jsonError(err)
	}
	if sent.ID != "" && t.TransactionID != "" && sent.ID != t.TransactionID {
		return fmt.Errorf("its id is %s and its transaction_id %s", wire.Quote(sent.ID), wire.Quote(t.TransactionID))
	}
	t.TransactionID = cmp.Or(sent.ID, t.TransactionID)
	return nil
}

// parseSuccessTime returns when an order was paid, zero for "". A time that is not RFC 3339 is left
// out, and named in unread.
func parseSuccessTime(s string, unread *[]string) time.Time {
	if s == "" {
		return time.Time{}
	}
	paid, err := time.Parse(time.RFC3339, s)
	if err != nil {
		*unread = append(*unread, "success_time")
		return time.Time{}
	}
	return paid
}

// jsonError words an error of encoding/json, whose own texts name Go types and quote the body.
func jsonError(err error) error {
	mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case !ok:
		return errors.New("it is not JSON: " + wire.OneLine(err.Error()))
	case mistyped.Field == "":
		return fmt.Errorf("it is a JSON %s, not an object", mistyped.Value)
	}
	return fmt.Errorf("%s is a JSON %s, not a %s", mistyped.Field, wire.OneLine(mistyped.Value), mistyped.Type.Kind())
}

// checkKeys returns an error when the object has one of the keys twice, or in capitals.
// encoding/json takes the last of them, capitals or not, where another decoder of the same signed
// bytes may see another order.
func checkKeys(object []byte, keys []string) error {
	var seen uint // a bit for each key
	for key := range topKeys(object) {
		for i, known := range keys {
			if !bytes.EqualFold(key, []byte(known)) {
				continue
			}
			if seen&(1<<i) != 0 || string(key) != known {
				return fmt.Errorf("it gives %s more than once or as %s", known, wire.Quote(string(key)))
			}
			seen |= 1 << i
		}
	}
	return nil
}

// topKeys yields the keys of a JSON object, without those within its values. The object must be
// valid JSON. Reading it in place takes a tenth of the time of json.Decoder's tokens.
func topKeys(object []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		depth := 0
		for i := 0; i < len(object); i++ {
			switch object[i] {
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			case '"':
				end := stringEnd(object, i)
				isKey := depth == 1 && bytes.HasPrefix(bytes.TrimLeft(object[end:], " \t\r\n"), []byte(":"))
				if isKey && !yield(unescape(object[i:end])) {
					return
				}
				i = end - 1
			}
		}
	}
}

// stringEnd returns the index after the closing quote of the string that begins at start.
func stringEnd(object []byte, start int) int {
	for i := start + 1; i < len(object); i++ {
		switch object[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(object)
}

// unescape returns a quoted string's text: "mchid" may also be written "\u006dchid".
func unescape(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // never fails: it was decoded before
	return []byte(s)
}

// refusal returns the reply as a refusal. It never fails: when the body is no refusal's, the code
// is empty and the status stands for itself.
func (r *reply) refusal(now func() time.Time) *Error {
	refused := r.Refusal("", "", now)
	refused.Authenticated = r.authenticated
	var sent struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
		Detail  json.RawMessage `json:"detail"`
	}
	switch err := json.Unmarshal(withoutMark(r.Body), &sent); {
	case len(r.Body) == 0:
		refused.Detail = "no body"
	case err != nil:
		refused.Detail = "a body that is no JSON object" + r.foreignContent()
	default:
		refused.Code, refused.Message, refused.Detail = text(sent.Code), text(sent.Message), describe(sent.Detail)
	}
	return refused
}

// foreignContent describes a body that is not declared as JSON, "" for one that is or declares
// nothing.
func (r *reply) foreignContent() string {
	contentType := r.Header.Get("Content-Type")
	if contentType == "" || strings.HasPrefix(contentType, "application/json") {
		return ""
	}
	return fmt.Sprintf(": %d bytes of %s", len(r.Body), wire.Quote(contentType))
}

// text returns a JSON string's text; of any other value, its JSON.
func text(raw json.RawMessage) string {
	var s *string
	switch err := json.Unmarshal(raw, &s); {
	case err != nil:
		return string(raw)
	case s == nil:
		return ""
	}
	return *s
}

// describe returns a refusal's detail as one readable line, whatever its shape. Documented is an
// object of field, issue, location and value. Observed are also objects without them, objects
// within objects, strings, arrays, and for SIGN_ERROR the message that the gateway expected to be
// signed, in sign_information.
func describe(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // as written, not as a float64
	var value any
	if err := dec.Decode(&value); err != nil {
		return ""
	}
	return wire.OneLine(strings.Join(flatten(nil, "", value, 0), "; "))
}

// flatten appends "path: value" for each value that is neither object nor array, the most telling
// first.
func flatten(parts []string, path string, value any, depth int) []string {
	if len(parts) > maxDetailParts {
		return parts
	}
	if depth > maxDetailDepth {
		return append(parts, path+": …")
	}
	switch value := value.(type) {
	case nil:
		return parts
	case map[string]any:
		for _, key := range tellingOrder(value) {
			parts = flatten(parts, strings.TrimPrefix(path+"."+key, "."), value[key], depth+1)
		}
		return parts
	case []any:
		for i, element := range value {
			parts = flatten(parts, fmt.Sprintf("%s[%d]", path, i), element, depth+1)
			if len(parts) > maxDetailParts {
				break
			}
		}
		return parts
	case string:
		return append(parts, label(path, visible(value)))
	default: // json.Number, bool
		return append(parts, label(path, fmt.Sprint(value)))
	}
}

func label(path, value string) string {
	if path == "" {
		return value
	}
	return path + ": " + value
}

// visible shows an empty string as one: some refusals are about an empty value.
func visible(s string) string {
	if s == "" {
		return `""`
	}
	return s
}

// tellingOrder returns an object's keys: the documented ones in a reader's order, then the others
// by name.
func tellingOrder(object map[string]any) []string {
	known := [...]string{"field", "issue", "location", "value", "detail", "sign_information", "truncated_sign_message"}
	rank := func(key string) int {
		if i := slices.Index(known[:], key); i >= 0 {
			return i
		}
		return len(known)
	}
	return slices.SortedFunc(maps.Keys(object), func(a, b string) int {
		if by := rank(a) - rank(b); by != 0 {
			return by
		}
		return strings.Compare(a, b)
	})
}
