package v3json

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxRetryAfter = 24 * time.Hour

	maxDetailDepth = 4
	maxDetailParts = 16
)

// echoKeys are the names that decide what a reply is about, and what it says.
var echoKeys = [...]string{"out_trade_no", "transaction_id", "mchid", "sp_mchid", "sub_mchid", "trade_state", "amount"}

// byteOrderMark may stand before JSON, and may be passed over (RFC 8259, 8.1). The signature covers
// it.
const byteOrderMark = "\uFEFF"

func withoutMark(body []byte) []byte { return bytes.TrimPrefix(body, []byte(byteOrderMark)) }

// overseasKeys are the echoKeys, and the name that WeChat Pay's order number goes by overseas.
var overseasKeys = append(echoKeys[:len(echoKeys):len(echoKeys)], "id")

// decodeTransaction reads the body of a query's 200; fault says in one line why it cannot be read.
func decodeTransaction(body []byte, region Region) (transaction Transaction, fault string) {
	var wire struct {
		Transaction
		// An empty time is as good as none, which time.Time would not have.
		SuccessTime string `json:"success_time"`
	}
	body = withoutMark(body)
	unread, fault := decodeReply(body, &wire)
	if fault != "" {
		return Transaction{}, fault
	}
	if fault := wire.readID(body, region); fault != "" {
		return Transaction{}, fault
	}
	// null leaves everything as it was, so it ends here too.
	if wire.TradeState == "" {
		return Transaction{}, "it has no trade_state"
	}
	wire.Unread = unread
	wire.Transaction.SuccessTime = parseSuccessTime(wire.SuccessTime, &wire.Unread)
	return wire.Transaction, ""
}

// readID makes sure of the numbers in body, and overseas takes TransactionID from id. A reply that calls it
// transaction_id there is understood too, unless the two differ. On the mainland an id is none of ours.
func (t *Transaction) readID(body []byte, region Region) (fault string) {
	if region == Mainland {
		return checkKeys(body, echoKeys[:])
	}
	if fault := checkKeys(body, overseasKeys); fault != "" {
		return fault
	}
	var wire struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		return jsonFault(err)
	}
	if wire.ID != "" && t.TransactionID != "" && wire.ID != t.TransactionID {
		return "its id is " + name(wire.ID) + " and its transaction_id " + name(t.TransactionID)
	}
	t.TransactionID = cmp.Or(wire.ID, t.TransactionID)
	return ""
}

// parseSuccessTime reads when an order was paid; "" is not yet. What is not RFC 3339 is left out,
// and named in unread.
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

func jsonFault(err error) string {
	if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if mistyped.Field == "" {
			return "it is a JSON " + mistyped.Value + ", not an object"
		}
		return fmt.Sprintf("%s is a JSON %s, not a %s", mistyped.Field, oneLine(mistyped.Value), mistyped.Type.Kind())
	}
	return "it is not JSON: " + oneLine(err.Error())
}

// checkKeys refuses an object that gives one of the keys twice, or in capitals. encoding/json takes the last of
// them, capitals or not; whoever reads the same signed bytes with another decoder would see another order.
func checkKeys(object []byte, keys []string) (fault string) {
	var seen uint // a bit for each key
	for key := range topKeys(object) {
		for i, known := range keys {
			if !bytes.EqualFold(key, []byte(known)) {
				continue
			}
			if seen&(1<<i) != 0 || string(key) != known {
				return fmt.Sprintf("it gives %s more than once or as %s", known, name(string(key)))
			}
			seen |= 1 << i
		}
	}
	return ""
}

// topKeys yields the keys of a JSON object, and none of those within its values. The object must be known to be valid.
// It is read in place, for a tenth of what json.Decoder's tokens take.
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

// stringEnd is the index after the closing quote of the string that begins at start.
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

// unescape is a quoted string's text: "mchid" may also be written "\u006dchid".
func unescape(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // it is part of what has been decoded
	return []byte(s)
}

// refusal reads a reply of any status but success. It always succeeds: a body that is no refusal's leaves the code
// empty, and the status speaks for itself.
func (r *reply) refusal(now time.Time) *Error {
	refused := &Error{
		Authenticated: r.authenticated,
		RetryAfter:    retryAfter(r.header.Get("Retry-After"), now),
		Envelope:      r.Envelope,
	}
	var wire struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
		Detail  json.RawMessage `json:"detail"`
	}
	switch err := json.Unmarshal(withoutMark(r.body), &wire); {
	case len(r.body) == 0:
		refused.Detail = "no body"
	case err != nil:
		refused.Detail = "a body that is no JSON object" + r.foreign()
	default:
		refused.Code, refused.Message, refused.Detail = text(wire.Code), text(wire.Message), describe(wire.Detail)
	}
	return refused
}

// foreign says what came in the place of the gateway's JSON; "" when it may be just that.
func (r *reply) foreign() string {
	contentType := r.header.Get("Content-Type")
	if contentType == "" || strings.HasPrefix(contentType, "application/json") {
		return ""
	}
	return fmt.Sprintf(": %d bytes of %s", len(r.body), name(contentType))
}

// text is a JSON string's text; of anything else, its JSON.
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

// retryAfter reads Retry-After (RFC 9110, 10.2.3): seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	wait := time.Duration(0)
	// Out of range, seconds is the largest number of 31 bits, which the cap makes 24 h of.
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// describe makes one readable line of a refusal's detail, whatever its shape. Documented is an object of field, issue,
// location and value; seen are also objects without them, objects within objects, strings, arrays, and for SIGN_ERROR
// the message that the gateway expected to be signed, in sign_information.
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
	return oneLine(strings.Join(flatten(nil, "", value, 0), "; "))
}

// flatten appends "path: value" for each value that is neither object nor array, the most telling first.
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

// visible shows an empty string as one: that a value is empty is what some refusals are about.
func visible(s string) string {
	if s == "" {
		return `""`
	}
	return s
}

// tellingOrder is an object's keys: the documented ones as a reader wants them, then the others by name.
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
