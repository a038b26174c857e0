package paygate_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"cloudpay/pkg/paygate"
)

// A shop that answers an error is notified again, fifteen seconds later by the business clock.
func ExampleGateway_Notifications() {
	t := new(exampleTest)
	defer t.end()

	gate := paygate.RunT(t)
	answers := make(chan int, 2)
	answers <- http.StatusInternalServerError
	answers <- http.StatusNoContent
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(<-answers) }))
	defer shop.Close()

	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100, NotifyURL: shop.URL + "/notify"})
	gate.MustPay("A1")
	gate.MustAdvance(15 * time.Second)
	gate.MustWaitNotified("A1")
	for _, n := range gate.Notifications() {
		for _, attempt := range n.Attempts {
			fmt.Println(n.Kind, attempt.HTTPStatus, attempt.Acknowledged, attempt.Reason)
		}
	}
	// Output:
	// payment 500 false 500 is neither 200 nor 204: the notification is not acknowledged
	// payment 204 true
}
