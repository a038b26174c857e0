package typo_test

import (
	"testing"

	"cloudpay/internal/typo"
)

func TestIs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, known string
		want        bool
	}{
		{"out_trade_no", "out_trade_no", true},
		{"OutTradeNO", "out_trade_no", true},
		{"out-trade-no", "out_trade_no", true},
		{"out_trade_n", "out_trade_no", true},
		{"out_trade_noo", "out_trade_no", true},
		{"out_trade_ni", "out_trade_no", true},
		{"out_tarde_no", "out_trade_no", true},
		{"out_trade_on", "out_trade_no", true},
		{"uot_trade_no", "out_trade_no", true},
		{"out_trade", "out_trade_no", false},
		{"out_trade_no ", "out_trade_no", true},
		{"Out Trade No", "out_trade_no", false},
		{"api ", "api", false},
		{"out_tarde_on", "out_trade_no", false},
		{"transaction_id", "out_trade_no", false},
		{"API", "api", true},
		{"a_pi", "api", true},
		{"app", "api", false},
		{"apis", "api", false},
		{"", "api", false},
		{"out_trade_no____________________________________________________", "out_trade_no", true},
		{"out_trade_no_____________________________________________________", "out_trade_no", false},
	} {
		if got := typo.Is(tc.name, tc.known); got != tc.want {
			t.Errorf("Is(%q, %q) = %v, want %v", tc.name, tc.known, got, tc.want)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"out_trade_no", "outTradeNo", "Out Trade No", "OUT-TRADE-NO"} {
		if got := typo.Fold(name); got != "outtradeno" {
			t.Errorf("Fold(%q) = %q", name, got)
		}
	}
}
