package doctor_test

import (
	"strings"
	"testing"

	"cloudpay/internal/doctor"
)

// A database connection in clear is a warning; its address is not shown.
func TestExaminePlainStore(t *testing.T) {
	t.Parallel()
	const secret = "pa55word-of-the-st0re"
	for address, plain := range map[string]bool{
		"mysql://u:" + secret + "@db.internal/shop":                        true,
		"mysql://u:" + secret + "@db.internal/shop?tls=true":               false,
		"mysql://u:" + secret + "@127.0.0.1/shop":                          false,
		"postgres://u:" + secret + "@db.internal/shop?sslmode=disable":     true,
		"postgres://u:" + secret + "@db.internal/shop?sslmode=verify-full": false,
	} {
		w := newEnv(t).with(map[string]string{"CLOUDPAY_STORE": address})
		w.doctor.Offline = true
		got := w.examined()
		got.wantNoFault(t)
		warned := false
		for _, f := range got.of(doctor.CheckConfiguration) {
			warned = warned || f.Level == doctor.LevelWarning && f.Subject == "CLOUDPAY_STORE" && strings.Contains(f.Found.EN, "without TLS")
		}
		if warned != plain || strings.Contains(got.text(), secret) {
			t.Errorf("%s: got warned %v, want %v:\n%s", address, warned, plain, got.text())
		}
	}
}
