package console_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// The orders of the shared world, by what has become of them.
const (
	waitingOrder   = "M20261130001" // registered, closed in half an hour
	paidOrder      = "M20261130002" // paid, and told to the register
	closedOrder    = "M20261130003" // closed by a sweep at its time
	cancelledOrder = "M20261130004" // closed by its user
	refundedOrder  = "M20261130005" // paid and refunded, and not registered
	differingOrder = "M20261130006" // paid, and the register does not know yet
	foreignOrder   = "M20261130007" // another user wanted to close it
)

// step is one call that fills a world.
type step struct {
	method, address, body string
	headers               []string
}

// admin is a call of WeChat Pay's management API.
func (w *world) admin(path, body string) step {
	return step{http.MethodPost, w.AdminURL + path, body, nil}
}

// seed makes a world that has something on each screen: orders in every state, requests that were
// refused, a call that was, faults, notifications and events. The same calls are made each time.
func (w *world) seed() error {
	for _, next := range append(w.placing(), w.living()...) {
		status, text, err := w.call(next.method, next.address, next.body, next.headers...)
		if err != nil || status >= http.StatusBadRequest {
			return fmt.Errorf("%s %s %s: %d %s: %w", next.method, next.address, next.body, status, text, errors.Join(err, errSeed))
		}
	}
	return w.mistakes()
}

var errSeed = errors.New("filling the world")

// placing places orders, and registers some to be closed.
func (w *world) placing() (all []step) {
	for i, number := range []string{waitingOrder, paidOrder, closedOrder, cancelledOrder, refundedOrder, differingOrder, foreignOrder} {
		facts := map[string]any{
			"mchid": w.Merchant.MchID, "out_trade_no": number, "total": 990 + 1000*i, "openid": "oUpF8uMuAJO_M2pxb1Q9", "description": "手冲咖啡 Coffee", "attach": "table=7",
		}
		all = append(all, w.admin("/orders", encoded(facts)))
	}
	for number, seconds := range map[string]int{waitingOrder: 2400, paidOrder: 1800, closedOrder: 360, cancelledOrder: 1800, differingOrder: 2700} {
		all = append(all, w.function("closeorder", map[string]any{
			"out_trade_no": number, "close_at": seconds, "openid": "oUpF8uMuAJO_M2pxb1Q9", "service_token": w.Env["CLOUDPAY_SERVICE_TOKEN"],
		}))
	}
	return all
}

// living is what becomes of them.
func (w *world) living() []step {
	user := w.function("closeorder", map[string]any{"out_trade_no": cancelledOrder}, "X-WX-OPENID", "oUpF8uMuAJO_M2pxb1Q9")
	stranger := w.function("closeorder", map[string]any{"out_trade_no": foreignOrder}, "X-WX-OPENID", "oNobodyInParticular")
	return []step{
		w.admin("/orders/"+paidOrder+"/pay", ""),
		w.admin("/clock", `{"advance":"6m"}`),
		// The timers that became due have closed what was due.
		{http.MethodGet, w.CloudURL + "/v1/timers?wait=60s", "", nil},
		user, stranger,
		w.admin("/orders/"+refundedOrder+"/pay", ""),
		w.admin("/orders/"+refundedOrder+"/refund", `{"amount":990}`),
		w.admin("/faults", `{"match":{"op":"notify","out_trade_no":"`+differingOrder+`"},"action":"lost"}`),
		w.admin("/orders/"+differingOrder+"/pay", ""),
		w.admin("/faults", `{"match":{"op":"close","api":"v3","out_trade_no":"M20261130099"},"action":"drop","times":2}`),
		{http.MethodPost, w.CloudURL + "/v1/faults", `{"function":"queryorder","action":"throttle","probability":0.01,"seed":7}`, nil},
	}
}

// mistakes sends requests as strangers' programs do: two that are right, one that lacks the
// last line feed of its string to sign, and one that is signed with another key.
func (w *world) mistakes() error {
	right, err := w.key()
	if err != nil {
		return err
	}
	const bits = 2048
	other, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return fmt.Errorf("making another key: %w", err)
	}
	return errors.Join(
		w.query(waitingOrder, right, signsRight), w.query(paidOrder, right, signsRight),
		w.query(waitingOrder, other, signsRight), w.query(waitingOrder, right, lacksLineFeed),
	)
}

// function calls a function by CloudBase's HTTP interface.
func (w *world) function(name string, event map[string]any, headers ...string) step {
	return step{http.MethodPost, w.CloudURL + "/v1/functions/" + name, encoded(event), headers}
}

// encoded is a value as JSON.
func encoded(value any) string {
	var text strings.Builder
	_ = json.NewEncoder(&text).Encode(value) // strings and numbers
	return text.String()
}

// lastRefused is the page of the newest request with a wrong signature.
func (w *world) lastRefused() (string, error) {
	_, text, err := w.call(http.MethodGet, w.AdminURL+"/requests?verdict=unauthentic", "")
	var found []struct{ ID int64 }
	if err = errors.Join(err, json.Unmarshal([]byte(text), &found)); err != nil || len(found) == 0 {
		return "", fmt.Errorf("no request was refused: %s: %w", text, err)
	}
	return fmt.Sprintf("/requests/%d", found[len(found)-1].ID), nil
}
