package app_test

import (
	"bytes"
	"strings"
	"testing"

	"cloudpay/internal/app"
	"cloudpay/internal/order"
)

// The first record of the log says that the database is reached without TLS. No connection is made
// for it.
func TestFirstLineOfTheLogWarnsOfAPlainStore(t *testing.T) {
	t.Parallel()
	for address, plain := range map[string]bool{
		"mysql://u:hunter2@db.invalid/shop":                   true,
		"postgres://u:hunter2@db.invalid/shop":                false,
		"postgres://u:hunter2@127.0.0.1/shop?sslmode=disable": false,
	} {
		e := newEnv(t, mode{api: order.V2})
		e.vars["CLOUDPAY_STORE"] = address
		var logs bytes.Buffer
		if _, err := app.CloseOrder(environ(e.vars), &logs); err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(logs.String(), "\n")
		warned := strings.Contains(first, `"WARN"`) && strings.Contains(first, "without TLS") && strings.Contains(first, "CLOUDPAY_STORE")
		if warned != plain || strings.Contains(logs.String(), "hunter2") {
			t.Errorf("%s: got first line %q, want a warning %v", address, first, plain)
		}
	}
}
